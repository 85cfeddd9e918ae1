#include "iscsid/lane/quiet_send.hpp"

#include "iscsid/os/descriptor.hpp"

#include <liburing.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <optional>
#include <vector>

namespace iscsid::lane {

namespace {

// A ring and a pair of connected sockets of which one end sends.
class trial {
  public:
    explicit trial(unsigned flags);
    ~trial();
    trial(const trial&) = delete;
    trial& operator=(const trial&) = delete;
    trial(trial&&) = delete;
    trial& operator=(trial&&) = delete;

    bool succeeds();

  private:
    bool succeeds_with(std::size_t pieces);
    // The completion's result; nothing: there is none.
    std::optional<int> send(std::size_t length, std::size_t pieces);
    std::size_t take_all();

    io_uring uring_{};
    bool is_made_;
    os::descriptor sender_;
    os::descriptor receiver_;
    std::vector<char> memory_;
};

trial::trial(unsigned flags)
    : is_made_(io_uring_queue_init(4, &uring_, flags) == 0)
    , memory_(std::size_t{1} << 22U) { // more than any socket takes at once
    std::array<int, 2> ends{-1, -1};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
        return;
    sender_ = os::descriptor(ends[0]);
    receiver_ = os::descriptor(ends[1]);
}

trial::~trial() {
    if (is_made_)
        io_uring_queue_exit(&uring_);
}

bool trial::succeeds() {
    return is_made_ && sender_ && succeeds_with(1) && succeeds_with(2);
}

// All, a part, nothing.
bool trial::succeeds_with(std::size_t pieces) {
    constexpr std::size_t little = 64;
    if (send(little, pieces).has_value() || take_all() != little)
        return false;
    const auto part = send(memory_.size(), pieces);
    if (part.value_or(-1) <= 0 || static_cast<std::size_t>(*part) >= memory_.size())
        return false;
    if (send(memory_.size(), pieces) != -EAGAIN)
        return false;
    return take_all() == static_cast<std::size_t>(*part);
}

std::optional<int> trial::send(std::size_t length, std::size_t pieces) {
    const auto half = length / 2;
    std::array<iovec, 2> what{{{memory_.data(), half}, {memory_.data() + half, length - half}}};
    if (pieces == 1)
        what[0].iov_len = length;
    msghdr message{};
    message.msg_iov = what.data();
    message.msg_iovlen = pieces;
    io_uring_sqe* const entry = io_uring_get_sqe(&uring_);
    prepare_send(*entry, sender_.number(), message, whole_or_at_once);
    io_uring_sqe_set_flags(entry, IOSQE_CQE_SKIP_SUCCESS);
    io_uring_cqe* ended = nullptr;
    __kernel_timespec no_time{};
    io_uring_submit_and_wait_timeout(&uring_, &ended, 1, &no_time, nullptr);
    if (io_uring_peek_cqe(&uring_, &ended) != 0)
        return std::nullopt;
    const int result = ended->res;
    io_uring_cqe_seen(&uring_, ended);
    return result;
}

std::size_t trial::take_all() {
    std::size_t all = 0;
    for (;;) {
        const auto got = ::recv(receiver_.number(), memory_.data(), memory_.size(), MSG_DONTWAIT);
        if (got <= 0)
            return all;
        all += static_cast<std::size_t>(got);
    }
}

} // namespace

void prepare_send(io_uring_sqe& entry, int socket, const msghdr& what, int flags) {
    const iovec& first = *what.msg_iov;
    if (what.msg_iovlen == 1)
        io_uring_prep_send(&entry, socket, first.iov_base, first.iov_len, MSG_NOSIGNAL | flags);
    else
        io_uring_prep_sendmsg(&entry, socket, &what, static_cast<unsigned>(MSG_NOSIGNAL | flags));
}

bool can_be_quiet(unsigned flags) {
    return trial(flags).succeeds();
}

} // namespace iscsid::lane
