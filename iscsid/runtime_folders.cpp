#include "iscsid/runtime_folders.hpp"

#include "iscsid/disk/kernel/waiting.hpp"
#include "iscsid/disk/stale.hpp"

#include <spdlog/spdlog.h>

#include <chrono>

namespace iscsid {

namespace {

constexpr auto patience_with_helper = std::chrono::seconds(8); // of an earlier daemon

} // namespace

iscsi::result<std::optional<sys::folder_lock>>
take_runtime_folder(const std::filesystem::path& runtime) {
    std::error_code no_folder; // what needs it says so
    std::filesystem::create_directories(runtime, no_folder);
    auto taken = sys::folder_lock::take(runtime);
    if (taken.has_value())
        return std::optional(*std::move(taken));
    if (taken.error().code == iscsi::to_error_code(sys::folder_lock_errc::taken))
        return taken.error();
    spdlog::warn("{}", taken.error().text());
    return std::optional<sys::folder_lock>();
}

std::optional<sys::folder_lock> take_disks_folder(const std::filesystem::path& runtime) {
    const auto folder = disk::disks_folder_in(runtime.string());
    std::optional<iscsi::result<sys::folder_lock>> taken;
    disk::wait_until(patience_with_helper, [&] {
        taken.emplace(sys::folder_lock::take(folder));
        return taken->has_value() ||
               taken->error().code != iscsi::to_error_code(sys::folder_lock_errc::taken);
    });
    if (taken->has_value())
        return **std::move(taken);
    spdlog::warn("{}", taken->error().text());
    return std::nullopt;
}

} // namespace iscsid
