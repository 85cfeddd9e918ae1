#include "iscsid/start_up.hpp"

#include "iscsid/boot_daemon.hpp"
#include "iscsid/runtime_folders.hpp"
#include "iscsid/sys/process_ids.hpp"

#include <spdlog/spdlog.h>

#include <filesystem>

namespace iscsid {

namespace {

constexpr const char* default_pid_file = "/run/iscsid.pid";

} // namespace

daemon_options with_absolute_paths(daemon_options options) {
    const auto absolute = [](std::filesystem::path& path) {
        path = std::filesystem::absolute(path);
    };
    for (auto* path :
         {&options.where.config_folder,
          &options.where.database,
          &options.where.runtime,
          &options.where.socket})
        absolute(*path);
    for (auto* path : {&options.config_file, &options.initiator_name_file, &options.pid_file})
        if (*path)
            absolute(**path);
    return options;
}

std::unique_ptr<disk::helper>
start_helper(const daemon_options& options, const std::string& disks_folder) {
    // In the background stderr is the caller's, who may wait for its end.
    const auto words =
        options.foreground ? disk::helper_words::to_stderr : disk::helper_words::to_nobody;
    const auto program = disk::find_helper();
    auto started = program ? disk::helper::start(*program, words, disks_folder)
                           : iscsi::result<std::unique_ptr<disk::helper>>(program.error());
    if (started.has_value())
        return *std::move(started);
    spdlog::error("no disks of the kernel: {}", started.error().text());
    return nullptr;
}

iscsi::result<void> drop_ids(const daemon_options& options) {
    const sys::process_ids whose{options.user, options.group};
    if (auto given = sys::give_folder(options.where.runtime, whose); !given)
        return given;
    return sys::become(whose);
}

iscsi::result<std::optional<sys::pid_file>> take_pid_file(const daemon_options& options) {
    std::optional<sys::pid_file> none;
    if (options.foreground || options.no_pid_file)
        return none;
    auto taken = sys::pid_file::take(options.pid_file.value_or(default_pid_file));
    if (taken.has_error())
        return taken.error();
    return std::optional<sys::pid_file>(*std::move(taken));
}

// The daemon of an initramfs makes room, but not for another one there. A helper is started, and
// ends: what that needs of the disk is in memory then.
iscsi::result<std::optional<sys::folder_lock>> take_over_folder(const daemon_options& options) {
    auto taken = take_runtime_folder(options.where.runtime);
    if (taken.has_value() || options.pid_file == options.where.boot_pid_file())
        return taken;
    static_cast<void>(start_helper(options));
    if (relieve_boot_daemon(options.where))
        return take_runtime_folder(options.where.runtime);
    return taken;
}

} // namespace iscsid
