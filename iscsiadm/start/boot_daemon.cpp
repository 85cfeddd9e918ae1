#include "iscsiadm/start/boot_daemon.hpp"

#include "libiscsi/admin/files.hpp"

#include <fmt/core.h>

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>
#include <vector>

namespace iscsi::start {

namespace {

using path = std::filesystem::path;

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

outcome<void> boot_daemon::start(const daemon_wish& wish) {
    if (client_.status())
        return {};
    if (cli::socket_client(where_.socket).status())
        return complaint{
            "iscsid is running, and serves this system: use iscsiadm to log in to a target"};
    if (auto prepared = prepare(wish); !prepared)
        return prepared;
    is_ours_ = true;
    return run(wish);
}

outcome<void> boot_daemon::prepare(const daemon_wish& wish) const {
    const auto config = admin::read_file(wish.config_file);
    if (!config)
        return complaint{config.error().text()};
    auto& files = admin::real_files();
    const auto boot = where_.boot_folder();
    auto written = files.make_folder(boot);
    if (written)
        written = files.write_file(boot / "iscsid.conf", settings_of(config->value_or("")));
    if (written)
        written = files.write_file(
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

void boot_daemon::give_up() {
    if (!is_ours_)
        return;
    const auto status = client_.status();
    if (status && status->sessions == 0)
        static_cast<void>(client_.stop());
}

} // namespace iscsi::start
