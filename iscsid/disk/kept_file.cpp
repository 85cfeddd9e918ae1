#include "iscsid/disk/kept_file.hpp"

#include "iscsid/disk/fuse_abi.hpp"
#include "iscsid/disk/fuse_answers.hpp"
#include "iscsid/disk/kernel/system_fault.hpp"

#include <sys/utsname.h>
#include <unistd.h>

#include <utility>

namespace iscsid::disk {

std::string stored_name(std::uint64_t nonce) {
    return "fuse-" + std::to_string(nonce);
}

kept_file::kept_file(os::descriptor_store& store, std::string name)
    : store_(store), name_(std::move(name)) {}

std::unique_ptr<kept_file>
kept_file::keep(os::descriptor_store& store, std::uint64_t nonce, const os::descriptor& device) {
    auto name = stored_name(nonce);
    if (!store.keep(name, device))
        return nullptr;
    return std::unique_ptr<kept_file>(new kept_file(store, std::move(name)));
}

std::unique_ptr<kept_file> kept_file::of_earlier(os::descriptor_store& store, std::uint64_t nonce) {
    return std::unique_ptr<kept_file>(new kept_file(store, stored_name(nonce)));
}

kept_file::~kept_file() {
    store_.drop(name_);
}

iscsi::result<void> have_resent(const os::descriptor& device) {
    fuse_out_header notice{};
    notice.len = sizeof notice;
    notice.error = fuse::notify_resend;
    const auto written = ::write(device.number(), &notice, sizeof notice);
    if (written == static_cast<ssize_t>(sizeof notice))
        return {};
    return system_fault(
        disk_errc::attach_failed, "FUSE_NOTIFY_RESEND", "a connection that lives (Linux 6.9)"
    );
}

bool kernel_has_resend() {
    utsname about{};
    return ::uname(&about) == 0 && fuse::has_resend(about.release);
}

} // namespace iscsid::disk
