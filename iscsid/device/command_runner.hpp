#pragma once

#include "iscsid/device/scanner.hpp"

#include "libiscsi/scsi/cdb.hpp"
#include "libiscsi/scsi/disposition.hpp"

#include <optional>

namespace iscsid::device {

enum class scan_errc { session_lost = 1 };

const char* category_name(scan_errc);
std::string_view message_of(scan_errc);

// Which pause a command takes before it is sent again, if it may be: the retry policy of
// scsi::disposition with the patience of this scan. One per command.
class retry_budget {
  public:
    explicit retry_budget(const patience& waiting)
        : waiting_(waiting), next_pause_(waiting.first_pause) {}

    // Zero: at once. Nothing: the command has failed.
    std::optional<std::chrono::milliseconds> pause_before_retry(const scsi::disposition& judged);

  private:
    std::optional<std::chrono::milliseconds> pause();

    patience waiting_;
    std::chrono::milliseconds next_pause_;
    unsigned immediate_retries_ = 0;
    unsigned pauses_ = 0;
};

// How a command ended when there was nothing left to retry.
struct reply {
    bool good = false;
    std::vector<std::byte> data; // as many bytes as the target sent
    std::string why;             // when not good: "INQUIRY: CHECK CONDITION, …"
    bool is_transient = false;   // not good, but it might be another time
};

// Sends commands and has patience with them.
class command_runner {
  public:
    command_runner(execute_function execute, const patience& waiting);

    // `room` is the most that the command can return. Fault: the session is lost.
    boost::asio::awaitable<iscsi::result<reply>>
    run(iscsi::lun_field lun, scsi::cdb_field cdb, std::size_t room) const;

  private:
    execute_function execute_;
    patience waiting_;
};

} // namespace iscsid::device
