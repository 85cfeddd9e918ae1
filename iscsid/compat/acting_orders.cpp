#include "iscsid/compat/acting_orders.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <utility>

namespace iscsid::compat {

namespace asio = boost::asio;
using iscsi::admin::exit_code;

namespace {

// It may have come from anybody's shell.
std::string in_quotes(std::string_view written) {
    constexpr std::size_t enough = 40;
    std::string text;
    for (const char each : written.substr(0, enough))
        text += each < ' ' || each > '~' ? '.' : each;
    return "'" + text + "'";
}

order_end not_understood(const std::string& written, std::string_view expected) {
    return {EINVAL, fmt::format("got {}, expected {}", in_quotes(written), expected)};
}

template <class Result>
order_end end_of(const session::outcome<Result>& told) {
    if (told.has_error())
        return {errno_of(told.error()), told.error().reason};
    return {};
}

// There is nothing that could be a disk.
bool has_no_disk(const session::outcome<session::lun_result>& told) {
    return told.has_error() && (told.error().code == exit_code::no_objects_found ||
                                told.error().code == exit_code::invalid_request);
}

asio::awaitable<order_end>
scan(std::string written, std::shared_ptr<session::live_session> session) {
    const auto order = read_scan(written);
    if (!order)
        co_return not_understood(written, "'0 0 LUN' or '- - -'");
    if (!order->lun) {
        const auto told = co_await session->rescan();
        co_return end_of(told);
    }
    const auto told = co_await session->attach_lun(*order->lun);
    if (has_no_disk(told))
        co_return order_end{0, "no disk: " + told.error().reason};
    co_return end_of(told);
}

asio::awaitable<order_end>
remove(std::uint64_t lun, std::shared_ptr<session::live_session> session) {
    const auto told = co_await session->detach_lun(lun);
    if (told.has_value() && !told->has_changed)
        co_return order_end{ENODEV, "it has no disk"};
    co_return end_of(told);
}

} // namespace

int errno_of(const session::failure& why) {
    if (why.code == exit_code::busy)
        return EBUSY;
    const bool is_leaving = why.code == exit_code::internal;
    return is_leaving || why.code == exit_code::session_not_found ? ENODEV : EIO;
}

asio::awaitable<order_end>
obey(acting_file file, std::string written, std::shared_ptr<session::live_session> session) {
    if (file.kind == acting_kind::scan) {
        auto end = co_await scan(std::move(written), std::move(session));
        co_return end;
    }
    if (!is_one(written))
        co_return not_understood(written, "'1'");
    if (file.kind == acting_kind::remove) {
        auto end = co_await remove(file.lun, std::move(session));
        co_return end;
    }
    const auto told = co_await session->rescan(session::live_session::rescan_of::disks);
    co_return end_of(told);
}

} // namespace iscsid::compat
