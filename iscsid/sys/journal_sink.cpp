#include "iscsid/sys/journal_sink.hpp"

#include <fmt/format.h>

#include <poll.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include <cstdio>
#include <string_view>
#include <vector>

namespace iscsid::sys {

namespace {

bool has_room(int file) {
    pollfd asked{file, POLLOUT, 0};
    return ::poll(&asked, 1, 0) == 1 && (asked.revents & POLLOUT) != 0;
}

} // namespace

void journal_sink::sink_it_(const spdlog::details::log_msg& what) {
    if ((lost_ > 0 && !tell_losses()) || !tell(what))
        ++lost_;
}

bool journal_sink::tell_losses() {
    const auto words = fmt::format("{} lines are missing here: the journal took none", lost_);
    if (!tell({"", spdlog::level::warn, words}))
        return false;
    lost_ = 0;
    return true;
}

bool journal_sink::tell(const spdlog::details::log_msg& what) {
    const std::string_view line(what.payload.data(), what.payload.size());
    std::vector<std::string> all{
        fmt::format("MESSAGE={}", line),
        fmt::format("PRIORITY={}", priority_of(what.level)),
        "SYSLOG_IDENTIFIER=iscsid"};
    if (!what.source.empty())
        all.push_back(fmt::format("MESSAGE_ID={}", what.source.funcname));
    if (fields_)
        for (const auto& field : fields_(line))
            all.push_back(fmt::format("{}={}", field.name, field.value));
    if (send_(all))
        return true;
    if (!has_room(STDERR_FILENO))
        return false;
    spdlog::memory_buf_t text;
    formatter_->format(what, text);
    return std::fwrite(text.data(), 1, text.size(), stderr) == text.size();
}

bool is_journal_stream(int file, const char* journal_stream) {
    struct stat found {};

    if (journal_stream == nullptr || ::fstat(file, &found) != 0)
        return false;
    return fmt::format("{}:{}", found.st_dev, found.st_ino) == journal_stream;
}

int priority_of(spdlog::level::level_enum level) {
    if (level >= spdlog::level::critical)
        return LOG_CRIT;
    if (level >= spdlog::level::err)
        return LOG_ERR;
    if (level >= spdlog::level::warn)
        return LOG_WARNING;
    return level >= spdlog::level::info ? LOG_INFO : LOG_DEBUG;
}

} // namespace iscsid::sys
