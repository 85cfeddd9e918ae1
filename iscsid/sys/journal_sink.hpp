#pragma once

#include "iscsid/sys/log_fields.hpp"

#include <spdlog/sinks/base_sink.h>

#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>

namespace iscsid::sys {

// Lines for the journal, with fields: MESSAGE, PRIORITY, SYSLOG_IDENTIFIER, MESSAGE_ID of a line
// that is an event, and what the reader finds in the line. One that the journal does not take goes
// to stderr, which the journal reads, too. When there is no room either, it is counted, and the
// number is the next line that finds some: nobody waits for the journal, which may wait for us.
class journal_sink final : public spdlog::sinks::base_sink<std::mutex> {
  public:
    // Each is "NAME=value". False: it was not taken.
    using sender = std::function<bool(std::span<const std::string>)>;

    journal_sink(field_reader fields, sender send)
        : fields_(std::move(fields)), send_(std::move(send)) {}

  private:
    void sink_it_(const spdlog::details::log_msg& what) override;
    bool tell(const spdlog::details::log_msg& what);
    bool tell_losses();

    void flush_() override {}

    field_reader fields_;
    sender send_;
    std::size_t lost_ = 0; // lines, since the last one that was taken
};

// Whether this descriptor is the stream to the journal that JOURNAL_STREAM names ("device:inode").
bool is_journal_stream(int file, const char* journal_stream);

// spdlog's levels as those of syslog(3).
int priority_of(spdlog::level::level_enum level);

} // namespace iscsid::sys
