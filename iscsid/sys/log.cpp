#include "iscsid/sys/log.hpp"

#include "iscsid/sys/journal_sink.hpp"
#include "iscsid/sys/journal_socket.hpp"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/sinks/syslog_sink.h>
#include <spdlog/spdlog.h>

#include <syslog.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>

namespace iscsid::sys {

namespace {

// sd-daemon(3): a line that starts with "<N>" carries its priority.
class priority_flag final : public spdlog::custom_flag_formatter {
  public:
    void format(
        const spdlog::details::log_msg& message, const std::tm& /*time*/, spdlog::memory_buf_t& to
    ) override {
        fmt::format_to(std::back_inserter(to), "<{}>", priority_of(message.level));
    }

    std::unique_ptr<custom_flag_formatter> clone() const override {
        return std::make_unique<priority_flag>();
    }
};

std::unique_ptr<spdlog::formatter> journal_format() {
    auto format = std::make_unique<spdlog::pattern_formatter>();
    format->add_flag<priority_flag>('*').set_pattern("%*%v");
    return format;
}

// JOURNAL_STREAM is set by systemd when stderr goes to the journal; priorities would be noise on a
// terminal.
std::shared_ptr<spdlog::logger> make_logger(log_place where, const field_reader& fields) {
    if (where == log_place::syslog) {
        auto sink =
            std::make_shared<spdlog::sinks::syslog_sink_mt>("iscsid", LOG_PID, LOG_DAEMON, false);
        sink->set_pattern("%v");
        return std::make_shared<spdlog::logger>("iscsid", std::move(sink));
    }
    // The environment is read before any thread starts.
    const char* const stream = std::getenv("JOURNAL_STREAM"); // NOLINT(concurrency-mt-unsafe)
    if (is_journal_stream(STDERR_FILENO, stream)) {
        const auto socket = std::make_shared<journal_socket>();
        auto journal = std::make_shared<journal_sink>(fields, [socket](auto all) {
            return socket->send(all);
        });
        journal->set_formatter(journal_format());
        return std::make_shared<spdlog::logger>("iscsid", std::move(journal));
    }
    auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    if (stream != nullptr)
        sink->set_formatter(journal_format());
    else
        sink->set_pattern("iscsid: %v");
    return std::make_shared<spdlog::logger>("iscsid", std::move(sink));
}

// Nine levels of open-iscsi in two steps of ours.
spdlog::level::level_enum level_of(int debug) {
    if (debug <= 0)
        return spdlog::level::info;
    return debug < 5 ? spdlog::level::debug : spdlog::level::trace;
}

} // namespace

// Flushed with every line: what a crash was about to say is there.
void set_up_log(log_place where, int debug, const field_reader& fields) {
    auto logger = make_logger(where, fields);
    logger->set_level(level_of(debug));
    logger->flush_on(spdlog::level::trace);
    spdlog::set_default_logger(std::move(logger));
}

} // namespace iscsid::sys
