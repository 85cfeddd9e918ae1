#pragma once

#include "iscsid/device/scanner.hpp"

#include "libiscsi/scsi/cdb.hpp"
#include "libiscsi/scsi/disposition.hpp"

#include <optional>
#include <string_view>

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

    // Not good, but it might be another time: the retries are used up, or the unit is not ready.
    // Not ready without a medium (3A) is no matter of waiting.
    bool is_transient = false;

    scsi::disposition judged{}; // when not good
};

// Asks one logical unit, one command at a time, and has patience with it. One for each look.
class command_runner {
  public:
    command_runner(
        execute_function execute,
        const patience& waiting,
        const scan_clock& clock,
        const iscsi::lun_field& lun
    );

    // `room` is the most that the command can return. GOOD with less and without a residual count
    // is taken where the data itself says that it is whole (SPC-4 §4.3.5.6: a target returns what
    // it has); data that contradicts that is asked for again. Fault: the session is lost.
    boost::asio::awaitable<iscsi::result<reply>> run(scsi::cdb_field cdb, std::size_t room);

    // How many unit attentions the unit has answered with so far: what was read before the last one
    // may be old.
    unsigned attentions() const { return attentions_; }

    const scan_clock& clock() const { return clock_; }

    // Why a look that ends now, after `limit`, has no result: "INQUIRY: no answer within 10 s", or
    // what the unit has answered all the time.
    std::string describe_wait(iscsi::duration limit) const;

  private:
    execute_function execute_;
    patience waiting_;
    const scan_clock& clock_;
    iscsi::lun_field lun_;
    unsigned attentions_ = 0;
    std::string_view asked_ = "a place in the scan"; // the command that was sent last
    std::string trouble_;                            // the answer for which that is sent again
};

} // namespace iscsid::device
