#include "iscsid/boot_daemon.hpp"

#include "iscsid/isid_seed.hpp"
#include "iscsid/os/descriptor.hpp"
#include "iscsid/session/manager.hpp"
#include "iscsid/sys/protect.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <spdlog/spdlog.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <csignal>

namespace iscsid {

namespace admin = iscsi::admin;
namespace asio = boost::asio;

namespace {

constexpr int patience_ms = 60'000; // it flushes nothing, but its other sessions may log out

bool is_locked(const os::descriptor& file) {
    if (::flock(file.number(), LOCK_SH | LOCK_NB) != 0)
        return true;
    ::flock(file.number(), LOCK_UN);
    return false;
}

std::optional<pid_t> number_in(const os::descriptor& file) {
    std::array<char, 16> text{};
    const auto length = ::pread(file.number(), text.data(), text.size(), 0);
    pid_t number = 0;
    const auto read = std::from_chars(text.data(), text.data() + std::max(length, 0L), number);
    if (read.ec != std::errc() || number <= 1)
        return std::nullopt;
    return number;
}

// The process that holds the lock, by a descriptor that never means another: the file is looked at
// again once that is open.
os::descriptor holder_of(const std::filesystem::path& path) {
    const os::descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!file || !is_locked(file))
        return {};
    const auto number = number_in(file);
    if (!number || *number == ::getpid())
        return {};
    os::descriptor process(static_cast<int>(::syscall(SYS_pidfd_open, *number, 0)));
    return is_locked(file) && number_in(file) == number ? std::move(process) : os::descriptor();
}

} // namespace

std::optional<admin::record_store> boot_records(const admin::locations& where) {
    std::error_code unused;
    if (where.database == where.boot_folder() ||
        !std::filesystem::is_directory(where.boot_folder() / "nodes", unused))
        return std::nullopt;
    return admin::record_store(where.boot_folder());
}

std::string system_isid_seed(const admin::locations& where) {
    // Of an initramfs, whose database is new at each boot: what that seeds would be, too.
    if (where.database == where.boot_folder())
        return {};
    const auto copies = where.boot_folder() / "system";
    std::error_code unused;
    if (std::filesystem::exists(copies / isid_seed_name, unused))
        return isid_seed(copies, copies / "machine-id");
    return isid_seed(where.database);
}

bool relieve_boot_daemon(const admin::locations& where) {
    const auto process = holder_of(where.boot_pid_file());
    if (!process)
        return false;
    sys::bring_in_program();
    if (::syscall(SYS_pidfd_send_signal, process.number(), SIGTERM, nullptr, 0) != 0)
        return false;
    pollfd end{process.number(), POLLIN, 0};
    if (::poll(&end, 1, patience_ms) == 1) {
        spdlog::info("the iscsid of the initramfs has ended, its sessions go on here");
        return true;
    }
    spdlog::error("the iscsid of the initramfs does not end within {} s", patience_ms / 1000);
    return false;
}

asio::awaitable<void>
wait_for_disks_of(std::set<lane::session_key> which, const session::manager& sessions) {
    constexpr std::chrono::milliseconds pause(100);
    constexpr int most_pauses = 600;
    const auto waits = [&sessions](lane::session_key sid) {
        const auto session = sessions.find(sid);
        const auto outline = session ? session->outline() : std::nullopt;
        return outline && outline->has_left_disks;
    };
    asio::steady_timer timer(co_await asio::this_coro::executor);
    for (int pauses = 0; pauses < most_pauses && std::ranges::any_of(which, waits); ++pauses) {
        timer.expires_after(pause);
        co_await timer.async_wait(asio::use_awaitable);
    }
}

} // namespace iscsid
