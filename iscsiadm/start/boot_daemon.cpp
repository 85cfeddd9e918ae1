#include "iscsiadm/start/boot_daemon.hpp"

#include "libiscsi/admin/files.hpp"

#include <fmt/core.h>

#include <fcntl.h>
#include <spawn.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <vector>

namespace iscsi::start {

namespace {

using path = std::filesystem::path;

using std::chrono::seconds;

constexpr seconds patience{30};

// A daemon holds the lock of its runtime folder until it ends, also when it answers no more.
bool is_free(const path& runtime) {
    const int folder = ::open(runtime.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return true; // who needs it says what is wrong
    const bool is_locked = ::flock(folder, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    ::close(folder);
    return !is_locked;
}

bool becomes_free(const path& runtime, seconds limit) {
    constexpr std::chrono::milliseconds pause{20};
    const auto end = std::chrono::steady_clock::now() + limit;
    while (!is_free(runtime)) {
        if (std::chrono::steady_clock::now() >= end)
            return false;
        std::this_thread::sleep_for(pause);
    }
    return true;
}

// Readers see all of it or nothing.
result<void> replace_file(const path& file, const std::string& text) {
    auto& files = admin::real_files();
    const path staged = file.string() + ".new";
    if (auto written = files.write_file(staged, text); !written)
        return written;
    return files.move(staged, file);
}

// In its own folder (an installation), or where the build has it.
std::optional<path> find_iscsid() {
    std::error_code unused;
    const auto folder = std::filesystem::read_symlink("/proc/self/exe", unused).parent_path();
    for (const path& candidate : {folder / "iscsid", folder.parent_path() / "iscsid" / "iscsid"})
        if (::access(candidate.c_str(), X_OK) == 0 &&
            std::filesystem::is_regular_file(candidate, unused))
            return candidate;
    return std::nullopt;
}

// systemd and its kind spare a process whose first word begins with '@' (ROOT_STORAGE_DAEMONS).
std::vector<std::string> words_for(const admin::locations& where, const daemon_wish& wish) {
    const auto boot = where.boot_folder();
    return {
        "@iscsid",
        "--config",
        boot / "iscsid.conf",
        "--initiatorname",
        boot / "initiatorname.iscsi",
        "--database",
        boot,
        "--runtime",
        where.runtime,
        "--socket",
        where.boot_socket(),
        "--pid",
        where.boot_pid_file(),
        "--debug",
        std::to_string(wish.debug)};
}

// The started process ends with 0 when the daemon can be asked.
outcome<void> run_and_wait(const path& program, std::vector<std::string> words) {
    std::vector<char*> arguments;
    std::ranges::transform(words, std::back_inserter(arguments), [](auto& word) {
        return word.data();
    });
    arguments.push_back(nullptr);
    pid_t child = 0;
    const int error =
        ::posix_spawn(&child, program.c_str(), nullptr, nullptr, arguments.data(), environ);
    if (error != 0)
        return complaint{
            fmt::format("{}: {}", program.string(), std::generic_category().message(error))};
    int status = 0;
    if (::waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return complaint{fmt::format("{} does not start", program.string())};
    return {};
}

} // namespace

void throw_exception_from_error(const complaint& error, const boost::source_location& /*where*/) {
    throw std::runtime_error(error.line);
}

boot_daemon::boot_daemon(const admin::locations& where)
    : where_(where), client_(where.boot_socket()) {}

// The last line of a key wins. Mounts over /sys would end with the initramfs.
std::string boot_daemon::settings_of(const std::string& config_file) {
    return config_file + "\n# by iscsistart\n"
                         "iscsid.keep_disks_on_stop = Yes\n"
                         "iscsid.safe_logout = Yes\n"
                         "iscsid.compat.sysfs = No\n";
}

outcome<void> boot_daemon::make_way() {
    if (client_.status())
        return {};
    if (cli::socket_client(where_.socket).status())
        return complaint{
            "iscsid is running, and serves this system: use iscsiadm to log in to a target"};
    if (becomes_free(where_.runtime, patience))
        return {};
    return complaint{fmt::format(
        "another iscsid works with {}, and does not end within {} s",
        where_.runtime.string(),
        patience.count()
    )};
}

outcome<void> boot_daemon::start(const daemon_wish& wish) {
    if (client_.status())
        return {};
    if (auto prepared = prepare(wish); !prepared)
        return prepared;
    return run(wish);
}

outcome<void> boot_daemon::prepare(const daemon_wish& wish) const {
    const auto config = admin::read_file(wish.config_file);
    if (!config)
        return complaint{config.error().text()};
    const auto boot = where_.boot_folder();
    auto written = admin::real_files().make_folder(boot);
    if (written)
        written = replace_file(boot / "iscsid.conf", settings_of(config->value_or("")));
    if (written)
        written = replace_file(
            boot / "initiatorname.iscsi", "InitiatorName=" + wish.initiator_name + "\n"
        );
    if (!written)
        return complaint{written.error().text()};
    return {};
}

outcome<void> boot_daemon::run(const daemon_wish& wish) const {
    const auto program = find_iscsid();
    if (!program)
        return complaint{"no iscsid beside this program"};
    return run_and_wait(*program, words_for(where_, wish));
}

outcome<std::string> boot_daemon::outlives_initramfs(const std::string& named) {
    const auto status = client_.status();
    if (!status)
        return complaint{status.error().text()};
    const auto& driver = status->disk_driver;
    const bool is_lasting = driver == "ublk" || driver == "nbd";
    if (!is_lasting && driver != named)
        return complaint{fmt::format(
            "this kernel has neither ublk nor nbd (driver: {}), and other disks end with the "
            "initramfs: are ublk_drv or nbd in it?",
            driver
        )};
    std::string warning;
    if (!is_lasting)
        warning =
            fmt::format("disks by {}, as iscsid.conf asks: they end with their daemon", driver);
    return {boost::system::in_place_value, std::move(warning)};
}

std::optional<std::vector<admin::session_info>> boot_daemon::sessions() {
    constexpr seconds until_a_failed_start_has_ended{2};
    if (auto listed = client_.list_sessions())
        return *std::move(listed);
    if (!becomes_free(where_.runtime, until_a_failed_start_has_ended))
        return std::nullopt;
    return std::vector<admin::session_info>();
}

outcome<void> boot_daemon::give_up() {
    const auto listed = client_.list_sessions();
    const auto is_being_tried = [](const auto& session) { return session.login_pending; };
    if (!listed || !std::ranges::all_of(*listed, is_being_tried))
        return {};
    static_cast<void>(client_.stop());
    if (becomes_free(where_.runtime, patience))
        return {};
    return complaint{fmt::format("the daemon does not end within {} s", patience.count())};
}

} // namespace iscsi::start
