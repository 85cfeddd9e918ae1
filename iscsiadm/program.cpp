#include "iscsiadm/program.hpp"

#include "iscsiadm/cli/parse.hpp"
#include "iscsiadm/complete/complete.hpp"
#include "iscsiadm/ipc/socket_client.hpp"
#include "iscsiadm/modes/awaited_daemon.hpp"
#include "iscsiadm/modes/explained_daemon.hpp"
#include "iscsiadm/modes/import.hpp"
#include "iscsiadm/modes/modes.hpp"
#include "iscsiadm/print/json_presenter.hpp"

#include "libiscsi/admin/config.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string_view>

namespace iscsi::cli {

namespace {

// Every change of the database is atomic, so there is nothing to undo.
// Only what signal-safety(7) allows may stand here: write and _exit.
extern "C" void end_on_interrupt(int) {
    constexpr std::string_view words = "iscsiadm: caught SIGINT, exiting...\n";
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, words.data(), words.size());
    ::_exit(static_cast<int>(exit_code::error));
}

// Before the first file is made and before the first wait: both settings are of the whole process.
void prepare_process() {
    ::umask(0077); // records hold secrets

    struct sigaction action {};

    action.sa_handler = end_on_interrupt;
    ::sigaction(SIGINT, &action, nullptr);
}

// ISCSIADM_TIMEOUT_MS: the longest wait for an answer of the daemon, shorter than usual.
// A text that is no number is refused rather than ignored: whoever set it would wait for minutes
// and not know why.
parsed<std::optional<std::chrono::milliseconds>> timeout_from_environment() {
    const char* text = std::getenv("ISCSIADM_TIMEOUT_MS"); // NOLINT(concurrency-mt-unsafe)
    if (text == nullptr)
        return std::nullopt;
    const std::string_view digits = text;
    std::uint32_t number = 0;
    const char* end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, number);
    if (error != std::errc{} || stop != end || number == 0)
        return refusal{
            {"ISCSIADM_TIMEOUT_MS: expected milliseconds above 0, got " + std::string(digits)}};
    return std::chrono::milliseconds(number);
}

// ISCSI_SYSFS_DIR: where the boot firmware is looked for, for machines that have none.
std::filesystem::path sysfs_from_environment() {
    const char* folder = std::getenv("ISCSI_SYSFS_DIR"); // NOLINT(concurrency-mt-unsafe)
    return folder == nullptr || *folder == '\0' ? "/sys" : folder;
}

// The two forms of refusal lines are open-iscsi's; scripts that look for "Try `" find it at the
// start of a line.
int refuse(const refusal& why, console& screen) {
    for (const std::string& line : why.lines)
        line.starts_with("Try `") ? screen.complain_bare(line) : screen.complain(line);
    if (why.json)
        json_presenter(screen).finish(why.code);
    return static_cast<int>(why.code);
}

// --complete WORD...: what may stand where the last word is, one a line. A shell asks at each TAB,
// so a daemon that is slow to answer is left out, and nothing is said on stderr.
int print_candidates(const std::vector<std::string>& words) {
    constexpr std::chrono::milliseconds patience{1000};
    const admin::locations where = admin::locations_from_environment();
    const admin::record_store store(where.database);
    socket_client daemon(where.socket, patience);
    for (const std::string& candidate : complete(words, {store, daemon}))
        std::cout << candidate << '\n';
    return static_cast<int>(std::cout.flush() ? exit_code::success : exit_code::error);
}

// For people: what holds up a change of the records.
admin::lock_listener shown_on(waiting_line& line) {
    return [&line](const admin::lock_wait& wait) {
        if (wait.is_over)
            return line.clear();
        const std::string holder = wait.holder.empty() ? "" : ", held by " + wait.holder;
        line.show_wait("the lock " + wait.file.string() + holder, wait.waited);
    };
}

// The composition root of the tool, and the only place that knows the real store, socket and
// streams. The line is parsed before the environment is read, so that a wrong option is reported as
// one, whatever else is wrong.
int run_arguments(const std::vector<std::string>& arguments) {
    if (!arguments.empty() && arguments.front() == "--complete")
        return print_candidates({arguments.begin() + 1, arguments.end()});
    const auto line = parse(arguments);
    const bool is_terminal = ::isatty(STDERR_FILENO) == 1;
    console screen(std::cout, std::cerr, line ? line->debug_level : 0, is_terminal);
    if (!line)
        return refuse(line.error(), screen);
    const auto timeout = timeout_from_environment();
    if (!timeout) {
        refusal why = timeout.error();
        why.json = line->json;
        return refuse(why, screen);
    }
    const admin::locations where = admin::locations_from_environment();
    // For people: programs take any line on stderr for a failure.
    if (screen.advises())
        if (const std::string hint = import_hint(where); !hint.empty())
            screen.complain(hint);
    waiting_line waiting(std::cerr, is_terminal);
    admin::record_store store(where.database, {.on_wait = shown_on(waiting)});
    socket_client socket(where.socket, *timeout);
    awaited_daemon awaited(socket, waiting);
    socket.on_silence([&awaited] { awaited.still_silent(); });
    explained_daemon daemon(awaited, screen);
    text_presenter lines(screen);
    json_presenter document(screen);
    presenter& out = line->json ? static_cast<presenter&>(document) : lines;
    stdout_display live(std::cout, STDOUT_FILENO);
    context at{where, store, daemon, screen, out, live};
    at.hints = screen.advises() || line->json;
    at.sysfs = sysfs_from_environment();
    return static_cast<int>(run(*line, at));
}

} // namespace

int iscsiadm_main(const std::vector<std::string>& arguments) {
    prepare_process();
    try {
        return run_arguments(arguments);
        // No library function throws; what arrives here is memory that is not there, or a fault of
        // ours.
    } catch (const std::bad_alloc&) {
        std::cerr << "iscsiadm: no available memory\n";
        return static_cast<int>(exit_code::no_memory);
    } catch (const std::exception& unexpected) {
        std::cerr << "iscsiadm: internal error: " << unexpected.what() << '\n';
        return static_cast<int>(exit_code::internal);
    }
}

} // namespace iscsi::cli
