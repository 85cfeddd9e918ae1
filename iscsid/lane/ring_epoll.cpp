#include "iscsid/lane/ring_epoll.hpp"

#include "iscsid/lane/ring_operation.hpp"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>
#include <vector>

namespace iscsid::lane {

namespace {

// What a lane with hundreds of disks has under way; more costs an allocation, once.
constexpr std::size_t expected_operations = 1024;

// Edge-triggered: after EAGAIN every waiting operation hears of the next change, and an idle
// descriptor costs at most one wake-up.
constexpr std::uint32_t all_edges = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
constexpr std::uint32_t input_edges = EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR;
constexpr std::uint32_t output_edges = EPOLLOUT | EPOLLHUP | EPOLLERR;

// As epoll_wait() wants it; -1 is for ever. Rounded up, so that the deadline has come afterwards.
int milliseconds_until(std::optional<iscsi::instant> deadline) {
    if (!deadline)
        return -1;
    const auto left = *deadline - std::chrono::steady_clock::now();
    const auto rounded = std::chrono::ceil<std::chrono::milliseconds>(left).count();
    return static_cast<int>(std::clamp<std::int64_t>(rounded, 0, 3'600'000));
}

// Operations are tried first and waited for only on EAGAIN: most sends and receives need one system
// call, as with io_uring.
class ring_epoll final : public ring {
  public:
    explicit ring_epoll(int epoll) : epoll_(epoll) {}

    ~ring_epoll() override { ::close(epoll_); }

    ring_epoll(const ring_epoll&) = delete;
    ring_epoll& operator=(const ring_epoll&) = delete;
    ring_epoll(ring_epoll&&) = delete;
    ring_epoll& operator=(ring_epoll&&) = delete;

    void read(int fd, iscsi::mutable_bytes into, ring_client& who, std::uint32_t op) override {
        started_.push(table_, table_.start_read(fd, into, who, op));
    }

    void write_vector(
        int fd, std::span<const iovec> from, ring_client& who, std::uint32_t op, ending end
    ) override {
        started_.push(
            table_,
            table_.with_end(table_.start_vector(ring_verb::write_vector, fd, from, who, op), end)
        );
    }

    void receive_vector(int socket, std::span<const iovec> into, ring_client& who, std::uint32_t op)
        override {
        started_.push(
            table_, table_.start_vector(ring_verb::receive_vector, socket, into, who, op)
        );
    }

    void send_vector(
        int socket, std::span<const iovec> from, ring_client& who, std::uint32_t op, ending end
    ) override {
        started_.push(
            table_,
            table_.with_end(table_.start_vector(ring_verb::send_vector, socket, from, who, op), end)
        );
    }

    void hurry() override { hurried_ = true; }

    void command(
        int fd, std::uint32_t opcode, const command_field& what, ring_client& who, std::uint32_t op
    ) override {
        started_.push(table_, table_.start_command(fd, opcode, what, who, op));
    }

    void cancel(ring_client& who, std::uint32_t op) override;
    void turn(std::optional<iscsi::instant> deadline) override;

    std::uint64_t system_calls() const override { return system_calls_; }

    std::string_view name() const override { return "epoll"; }

  private:
    struct descriptor {
        operation_list input;  // waiting for readability
        operation_list output; // waiting for writability
    };

    bool try_started();
    bool finish_cancelled();
    std::int32_t begin_waiting(std::uint32_t slot);
    bool watch(int fd);
    void wait(int milliseconds);
    void retry(int fd, std::uint32_t edges);
    void retry(operation_list descriptor::*direction, int fd);
    descriptor& descriptor_of(int fd);
    std::int32_t counted_attempt(std::uint32_t slot);

    int epoll_;
    operation_table table_{expected_operations};
    operation_list started_;   // not tried yet
    operation_list cancelled_; // taken from a descriptor's list
    std::vector<descriptor> descriptors_;
    std::array<epoll_event, 128> events_{};
    std::uint64_t system_calls_ = 0;
    bool hurried_ = false;
    bool some_ended_quietly_ = false;
};

void ring_epoll::cancel(ring_client& who, std::uint32_t op) {
    table_.cancel(who, op, [this](std::uint32_t slot) {
        ring_operation& operation = table_[slot];
        if (!operation.polling) // still among the started: try_started() sees the mark
            return;
        descriptor& where = descriptor_of(operation.fd);
        (waits_for_input(operation.verb) ? where.input : where.output).remove(table_, slot);
        cancelled_.push(table_, slot);
    });
}

void ring_epoll::turn(std::optional<iscsi::instant> deadline) {
    bool some_ended = finish_cancelled();
    some_ended |= try_started();
    const bool more_to_do = some_ended || hurried_ || !started_.empty() || !cancelled_.empty();
    hurried_ = false;
    if (std::exchange(some_ended_quietly_, false)) // what that brings may have another deadline
        deadline = iscsi::earlier(deadline, std::chrono::steady_clock::now() + longest_silence);
    wait(more_to_do ? 0 : milliseconds_until(deadline));
}

// In a turn of their own and not inside cancel(): a client is never called back from its own call.
bool ring_epoll::finish_cancelled() {
    const bool some = !cancelled_.empty();
    while (!cancelled_.empty())
        table_.finish(cancelled_.pop(table_), -ECANCELED);
    return some;
}

// Tries what was started before this turn; what ring_done() starts meanwhile waits for the next.
bool ring_epoll::try_started() {
    bool some_ended = false;
    operation_list now = std::exchange(started_, {});
    while (!now.empty()) {
        const std::uint32_t slot = now.pop(table_);
        std::int32_t result = table_[slot].cancelled ? -ECANCELED : counted_attempt(slot);
        if (result == -EAGAIN)
            result = begin_waiting(slot);
        if (result == -EAGAIN)
            continue;
        const bool is_quiet = table_[slot].quiet && result == length_of(table_[slot]);
        table_.finish(slot, result);
        (is_quiet ? some_ended_quietly_ : some_ended) = true;
    }
    return some_ended;
}

// -EAGAIN: it waits now; else why it cannot.
std::int32_t ring_epoll::begin_waiting(std::uint32_t slot) {
    ring_operation& operation = table_[slot];
    descriptor& where = descriptor_of(operation.fd);
    // While operations wait the descriptor cannot have been closed, so it is still watched.
    const bool watched = !where.input.empty() || !where.output.empty();
    if (!watched && !watch(operation.fd))
        return -errno;
    operation.polling = true;
    (waits_for_input(operation.verb) ? where.input : where.output).push(table_, slot);
    return -EAGAIN;
}

bool ring_epoll::watch(int fd) {
    epoll_event event{};
    event.events = all_edges;
    event.data.fd = fd;
    ++system_calls_;
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) == 0)
        return true;
    if (errno != EEXIST)
        return false;
    // Known from earlier; setting it again reports a change that came since the attempt.
    ++system_calls_;
    return ::epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &event) == 0;
}

// An interrupted wait counts as one that brought nothing.
void ring_epoll::wait(int milliseconds) {
    ++system_calls_;
    const int count =
        ::epoll_wait(epoll_, events_.data(), static_cast<int>(events_.size()), milliseconds);
    for (int i = 0; i < count; ++i) {
        const epoll_event& event = events_.at(static_cast<std::size_t>(i));
        retry(event.data.fd, event.events);
    }
}

void ring_epoll::retry(int fd, std::uint32_t edges) {
    if ((edges & input_edges) != 0)
        retry(&descriptor::input, fd);
    if ((edges & output_edges) != 0)
        retry(&descriptor::output, fd);
}

// Until one would have to wait again: the next edge comes only after that.
void ring_epoll::retry(operation_list descriptor::*direction, int fd) {
    while (!(descriptor_of(fd).*direction).empty()) {
        const std::uint32_t slot = (descriptor_of(fd).*direction).first();
        const std::int32_t result = counted_attempt(slot);
        if (result == -EAGAIN)
            return;
        (descriptor_of(fd).*direction).pop(table_);
        table_.finish(slot, result);
    }
}

ring_epoll::descriptor& ring_epoll::descriptor_of(int fd) {
    const auto index = static_cast<std::size_t>(fd);
    if (index >= descriptors_.size())
        descriptors_.resize(index + 1);
    return descriptors_[index];
}

std::int32_t ring_epoll::counted_attempt(std::uint32_t slot) {
    ++system_calls_;
    return attempt(table_[slot]);
}

} // namespace

std::unique_ptr<ring> make_ring_epoll() {
    const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0)
        return nullptr;
    return std::make_unique<ring_epoll>(epoll);
}

} // namespace iscsid::lane
