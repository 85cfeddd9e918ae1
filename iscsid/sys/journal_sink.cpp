// Where in our source a line is said is nobody's business but ours, and cannot be told from here.
#define SD_JOURNAL_SUPPRESS_LOCATION

#include "iscsid/sys/journal_sink.hpp"

#include <fmt/format.h>

#include <sys/stat.h>
#include <sys/uio.h>
#include <syslog.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include <cstdio>
#include <string_view>
#include <vector>

namespace iscsid::sys {

void journal_sink::sink_it_(const spdlog::details::log_msg& what) {
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
        return;
    spdlog::memory_buf_t text;
    formatter_->format(what, text);
    static_cast<void>(std::fwrite(text.data(), 1, text.size(), stderr));
}

// libsystemd says of a socket that is not there, as in a container that inherits the stream, that
// all went well.
bool send_to_journal(std::span<const std::string> fields) {
    if (::access("/run/systemd/journal/socket", W_OK) != 0)
        return false;
    std::vector<iovec> parts;
    for (const auto& each : fields)
        parts.push_back({const_cast<char*>(each.data()), each.size()}); // NOLINT: only read
    return ::sd_journal_sendv(parts.data(), static_cast<int>(parts.size())) == 0;
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
