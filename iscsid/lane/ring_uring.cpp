#include "iscsid/lane/ring_uring.hpp"

#include "iscsid/lane/quiet_send.hpp"
#include "iscsid/lane/ring_operation.hpp"

#include <liburing.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>
#include <vector>

namespace iscsid::lane {

namespace {

// A turn rarely starts more than a few dozen; a full queue costs one system call more.
constexpr unsigned submission_entries = 256;
constexpr unsigned completion_entries = 4096;
constexpr std::size_t expected_operations = 1024;

// For requests whose completion tells nothing, as of a cancel.
constexpr std::uint64_t nobody = ~std::uint64_t{0};

// From the best to the plainest; kernels before 6.1, 6.0 and 5.19 refuse more and more of them.
// SQEs of double size are for wide commands and cost nothing that could be measured.
constexpr std::array<unsigned, 3> flag_ladder{
    IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_COOP_TASKRUN |
        IORING_SETUP_SQE128,
    IORING_SETUP_COOP_TASKRUN,
    0,
};

// As prepare_send(): what waits for a header is one piece of memory.
void prepare_receive(io_uring_sqe& entry, ring_operation& what) {
    const iovec& first = *what.message.msg_iov;
    if (what.message.msg_iovlen == 1)
        io_uring_prep_recv(&entry, what.fd, first.iov_base, first.iov_len, 0);
    else
        io_uring_prep_recvmsg(&entry, what.fd, &what.message, 0);
}

void prepare_command(io_uring_sqe& entry, const ring_operation& what, bool is_wide) {
    io_uring_prep_nop(&entry); // clears what a command leaves alone
    entry.opcode = IORING_OP_URING_CMD;
    entry.fd = what.fd;
    entry.cmd_op = what.opcode;
    entry.addr = reinterpret_cast<std::uintptr_t>(what.message.msg_iov);
    entry.len = static_cast<std::uint32_t>(what.message.msg_iovlen);
    const auto room = is_wide ? what.command.size() : std::tuple_size_v<command_field>;
    std::memcpy(entry.cmd, what.command.data(), room);
}

// One submission queue per lane, entered once per turn: starting operations, waiting and reaping
// are one system call.
class ring_uring final : public ring {
  public:
    ring_uring(const io_uring& made, bool can_be_quiet, unsigned flags)
        : uring_(made)
        , can_be_quiet_(can_be_quiet)
        , defers_((flags & IORING_SETUP_DEFER_TASKRUN) != 0)
        , is_wide_((flags & IORING_SETUP_SQE128) != 0) {
        unreported_.reserve(expected_operations);
    }

    ~ring_uring() override { io_uring_queue_exit(&uring_); }

    ring_uring(const ring_uring&) = delete;
    ring_uring& operator=(const ring_uring&) = delete;
    ring_uring(ring_uring&&) = delete;
    ring_uring& operator=(ring_uring&&) = delete;

    void read(int fd, iscsi::mutable_bytes into, ring_client& who, std::uint32_t op) override {
        launch(table_.start_read(fd, into, who, op));
    }

    void write_vector(
        int fd, std::span<const iovec> from, ring_client& who, std::uint32_t op, ending end
    ) override {
        launch(table_.with_end(table_.start_vector(ring_verb::write_vector, fd, from, who, op), end)
        );
    }

    void receive_vector(int socket, std::span<const iovec> into, ring_client& who, std::uint32_t op)
        override {
        launch(table_.start_vector(ring_verb::receive_vector, socket, into, who, op));
    }

    void send_vector(
        int socket, std::span<const iovec> from, ring_client& who, std::uint32_t op, ending end
    ) override {
        launch(
            table_.with_end(table_.start_vector(ring_verb::send_vector, socket, from, who, op), end)
        );
    }

    void hurry() override { hurried_ = true; }

    void command(
        int fd, std::uint32_t opcode, const command_field& what, ring_client& who, std::uint32_t op
    ) override {
        submit_operation(table_.start_command(fd, opcode, what, who, op));
    }

    bool takes_wide_commands() const override { return is_wide_; }

    void command_with_buffers(int fd, const wide_command& what, ring_client& who, std::uint32_t op)
        override {
        submit_operation(table_.start_command(fd, what, who, op));
    }

    bool defers_commands() const override { return defers_; }

    bool settle_commands() override;
    void cancel(ring_client& who, std::uint32_t op) override;
    void turn(std::optional<iscsi::instant> deadline) override;

    std::uint64_t system_calls() const override { return system_calls_; }

    std::string_view name() const override { return "io_uring"; }

  private:
    void launch(std::uint32_t slot);
    void submit_operation(std::uint32_t slot);
    void submit_poll(std::uint32_t slot);
    void enable();
    io_uring_sqe& next_entry();
    std::uint64_t tag_of(std::uint32_t slot);
    void enter(std::optional<iscsi::instant> deadline);
    void reap();
    void finish_quiet();
    void note_loud_ends();
    void completed(std::uint64_t tag, std::int32_t result);
    std::int32_t go_on(std::uint32_t slot, std::int32_t result);
    bool needs_poll(int fd) const;
    void remember_needs_poll(int fd);

    io_uring uring_;
    bool enabled_ = false;
    operation_table table_{expected_operations};
    std::vector<bool> needs_poll_; // by descriptor, for input
    bool can_be_quiet_;
    bool defers_;                           // IORING_SETUP_DEFER_TASKRUN
    bool is_wide_;                          // IORING_SETUP_SQE128
    std::vector<std::uint32_t> unreported_; // quiet operations that the kernel has, or gets
    bool hurried_ = false;
    std::uint64_t system_calls_ = 0;
};

// What a driver does in the thread of a command, as copying the payload of a WRITE that it gives to
// ublk, is task work. Where that is deferred it runs only in a call that asks for completions, and
// each command that it has ended is in the queue of completions when the call returns. Elsewhere it
// runs at any return from the kernel, be it from an interrupt, and no moment would be safe.
// What is started reads memory too, as the data of a READ that is committed: the kernel takes it
// here, in a call that asks for nothing.
bool ring_uring::settle_commands() {
    if (!defers_)
        return false;
    if (io_uring_sq_ready(&uring_) > 0) {
        ++system_calls_;
        io_uring_submit(&uring_);
    }
    if (io_uring_sq_ready(&uring_) > 0 || io_uring_cq_has_overflow(&uring_))
        return false;
    unsigned head = 0;
    const io_uring_cqe* each = nullptr;
    io_uring_for_each_cqe(&uring_, head, each) {
        const auto slot = static_cast<std::uint32_t>(each->user_data);
        if (each->user_data != nobody && slot < table_.size() &&
            table_[slot].verb == ring_verb::command)
            return false;
    }
    return true;
}

// The kernel answers with the operation's own completion, -ECANCELED or its result, whichever was
// first.
void ring_uring::cancel(ring_client& who, std::uint32_t op) {
    table_.cancel(who, op, [this](std::uint32_t slot) {
        io_uring_sqe& entry = next_entry();
        io_uring_prep_cancel64(&entry, tag_of(slot), 0);
        io_uring_sqe_set_data64(&entry, nobody);
    });
}

void ring_uring::turn(std::optional<iscsi::instant> deadline) {
    enable();
    enter(deadline);
    reap();
}

// A descriptor that has once answered EAGAIN is polled first from then on, for input: output mostly
// has room.
void ring_uring::launch(std::uint32_t slot) {
    ring_operation& what = table_[slot];
    what.quiet = what.quiet && can_be_quiet_;
    if (waits_for_input(what.verb) && needs_poll(what.fd))
        submit_poll(slot);
    else
        submit_operation(slot);
}

void ring_uring::submit_operation(std::uint32_t slot) {
    ring_operation& what = table_[slot];
    const auto count = static_cast<unsigned>(what.message.msg_iovlen);
    const auto here = ~std::uint64_t{0}; // no offset: neither pipes nor devices have one
    io_uring_sqe& entry = next_entry();
    switch (what.verb) {
    case ring_verb::read:
        io_uring_prep_read(
            &entry, what.fd, what.single.iov_base, static_cast<unsigned>(what.single.iov_len), here
        );
        break;
    case ring_verb::write_vector:
        io_uring_prep_writev(&entry, what.fd, what.message.msg_iov, count, here);
        break;
    case ring_verb::receive_vector:
        prepare_receive(entry, what);
        break;
    case ring_verb::send_vector:
        prepare_send(entry, what.fd, what.message, what.quiet ? whole_or_at_once : 0);
        break;
    case ring_verb::command:
        prepare_command(entry, what, is_wide_);
        break;
    }
    io_uring_sqe_set_data64(&entry, tag_of(slot));
    if (!what.quiet)
        return;
    io_uring_sqe_set_flags(&entry, IOSQE_CQE_SKIP_SUCCESS);
    unreported_.push_back(slot);
}

// One shot: the operation is tried by hand when it fires, so a stolen wake-up costs a second poll
// and nothing else.
void ring_uring::submit_poll(std::uint32_t slot) {
    ring_operation& what = table_[slot];
    what.polling = true;
    io_uring_sqe& entry = next_entry();
    io_uring_prep_poll_add(&entry, what.fd, waits_for_input(what.verb) ? POLLIN : POLLOUT);
    io_uring_sqe_set_data64(&entry, tag_of(slot));
}

// The ring is made on one thread and used on another: SINGLE_ISSUER binds it to who enables it.
void ring_uring::enable() {
    if (enabled_)
        return;
    enabled_ = true;
    // liburing 2.3 declares io_uring_enable_rings() but does not export it.
    ::syscall(__NR_io_uring_register, uring_.ring_fd, IORING_REGISTER_ENABLE_RINGS, nullptr, 0);
    io_uring_register_ring_fd(&uring_); // spares a look-up per call; it works without
}

io_uring_sqe& ring_uring::next_entry() {
    io_uring_sqe* entry = io_uring_get_sqe(&uring_);
    while (entry == nullptr) { // the queue is full: let the kernel take what is in it
        enable();
        ++system_calls_;
        io_uring_submit(&uring_);
        entry = io_uring_get_sqe(&uring_);
    }
    return *entry;
}

// Never `nobody`: slots stay far below 2^32 - 1.
std::uint64_t ring_uring::tag_of(std::uint32_t slot) {
    return (std::uint64_t{table_[slot].generation} << 32U) | slot;
}

// A deadline that has passed still lets the kernel take what was started.
void ring_uring::enter(std::optional<iscsi::instant> deadline) {
    if (std::exchange(hurried_, false))
        deadline = iscsi::instant{}; // long ago
    else if (!unreported_.empty())
        deadline = iscsi::earlier(deadline, std::chrono::steady_clock::now() + longest_silence);
    if (io_uring_sq_ready(&uring_) > 0 || io_uring_cq_ready(&uring_) == 0)
        ++system_calls_;
    io_uring_cqe* first = nullptr;
    if (!deadline) {
        io_uring_submit_and_wait_timeout(&uring_, &first, 1, nullptr, nullptr);
        return;
    }
    const auto left = *deadline - std::chrono::steady_clock::now();
    const std::int64_t nanoseconds =
        std::max<std::int64_t>(std::chrono::nanoseconds(left).count(), 0);
    __kernel_timespec timeout{nanoseconds / 1'000'000'000, nanoseconds % 1'000'000'000};
    io_uring_submit_and_wait_timeout(&uring_, &first, 1, &timeout, nullptr);
}

// The kernel has dealt with a quiet operation when it has taken it, and only a failure has a
// completion, which is there by then. First of all: what else has ended may be the answer to it.
void ring_uring::finish_quiet() {
    const bool all_are_taken = io_uring_sq_ready(&uring_) == 0;
    const bool all_are_seen = !io_uring_cq_has_overflow(&uring_);
    if (unreported_.empty() || !all_are_taken || !all_are_seen)
        return;
    note_loud_ends();
    const auto end_of_these = unreported_.size();
    for (std::size_t i = 0; i < end_of_these; ++i)
        if (const auto slot = unreported_[i]; std::exchange(table_[slot].quiet, false))
            table_.finish(slot, length_of(table_[slot]));
    unreported_.erase(
        unreported_.begin(), unreported_.begin() + static_cast<std::ptrdiff_t>(end_of_these)
    );
}

void ring_uring::note_loud_ends() {
    unsigned head = 0;
    const io_uring_cqe* each = nullptr;
    io_uring_for_each_cqe(&uring_, head, each) {
        const auto slot = static_cast<std::uint32_t>(each->user_data);
        if (each->user_data != nobody && slot < table_.size() && tag_of(slot) == each->user_data)
            table_[slot].quiet = false;
    }
}

// What is there now; what the clients start meanwhile ends in a later turn.
void ring_uring::reap() {
    finish_quiet();

    struct completion {
        std::uint64_t tag;
        std::int32_t result;
    };

    std::array<io_uring_cqe*, 128> entries{};
    std::array<completion, 128> ended{};
    const unsigned count = io_uring_peek_batch_cqe(&uring_, entries.data(), entries.size());
    for (unsigned i = 0; i < count; ++i)
        ended.at(i) = {entries.at(i)->user_data, entries.at(i)->res};
    io_uring_cq_advance(&uring_, count);
    for (unsigned i = 0; i < count; ++i)
        completed(ended.at(i).tag, ended.at(i).result);
}

// A completion of an operation that has ended and whose slot is used again is told by its
// generation.
void ring_uring::completed(std::uint64_t tag, std::int32_t result) {
    const auto slot = static_cast<std::uint32_t>(tag);
    if (tag == nobody || slot >= table_.size() || tag_of(slot) != tag)
        return;
    if (table_[slot].cancelled && (result == -EAGAIN || result == -EINTR || table_[slot].polling))
        result = -ECANCELED;
    else
        result = go_on(slot, result);
    if (result != -EAGAIN)
        table_.finish(slot, result);
}

// A descriptor that is non-blocking and whose file cannot wait inside io_uring (/dev/fuse) answers
// EAGAIN at once: then poll it and make the call by hand. -EAGAIN: not ended yet.
std::int32_t ring_uring::go_on(std::uint32_t slot, std::int32_t result) {
    ring_operation& what = table_[slot];
    if (what.verb == ring_verb::command)
        return result == -EAGAIN ? -EIO : result;
    if (what.polling && result >= 0) {
        ++system_calls_;
        result = attempt(what);
    } else if (result == -EAGAIN && waits_for_input(what.verb)) {
        remember_needs_poll(what.fd);
    }
    what.quiet = false; // it has had its completion
    if (result == -EAGAIN)
        submit_poll(slot);
    if (result == -EINTR) {
        submit_operation(slot);
        return -EAGAIN;
    }
    return result;
}

bool ring_uring::needs_poll(int fd) const {
    const auto index = static_cast<std::size_t>(fd);
    return index < needs_poll_.size() && needs_poll_[index];
}

// Numbers are reused, so another file may inherit the mark: it then works by polling, which every
// file knows.
void ring_uring::remember_needs_poll(int fd) {
    const auto index = static_cast<std::size_t>(fd);
    if (index >= needs_poll_.size())
        needs_poll_.resize(index + 1);
    needs_poll_[index] = true;
}

// The queue of completions is larger than that of submissions: polls and commands of many disks may
// end at once.
int set_up(io_uring& uring, unsigned flags) {
    io_uring_params parameters{};
    parameters.flags = flags | IORING_SETUP_R_DISABLED | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP;
    parameters.cq_entries = completion_entries;
    const int answer = io_uring_queue_init_params(submission_entries, &uring, &parameters);
    if (answer < 0)
        return answer;
    // Waiting with a timeout in the same call (5.11), and no completion is ever dropped.
    constexpr unsigned needed = IORING_FEAT_EXT_ARG | IORING_FEAT_NODROP;
    if ((parameters.features & needed) == needed)
        return 0;
    io_uring_queue_exit(&uring);
    return -ENOSYS;
}

} // namespace

// Down the ladder on EINVAL only; a seccomp filter or the sysctl answers EPERM, and no flag would
// change that.
std::unique_ptr<ring> make_ring_uring(std::string* why_not) {
    io_uring uring{};
    int answer = 0;
    for (const unsigned flags : flag_ladder) {
        answer = set_up(uring, flags);
        if (answer == 0)
            return std::make_unique<ring_uring>(uring, can_be_quiet(flags), flags);
        if (answer != -EINVAL) // only that is about the flags
            break;
    }
    if (why_not != nullptr)
        *why_not = std::string("io_uring: ") + std::generic_category().message(-answer);
    return nullptr;
}

} // namespace iscsid::lane
