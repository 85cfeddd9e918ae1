#include "iscsid/disk/export_server.hpp"

#include "iscsid/disk/kernel/system_fault.hpp"
#include "iscsid/os/blocked_signals.hpp"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

namespace iscsid::disk {

namespace {

using namespace std::chrono_literals;

constexpr auto pause_without_descriptors = 200ms;
constexpr std::size_t received_at_once = 4096; // a whole negotiation of any known client

bool is_later(int error) {
    return error == EAGAIN || error == EINTR;
}

} // namespace

// What the lane's thread leaves for the server's, which the bell wakes.
class export_server::mailbox {
  public:
    mailbox() : bell_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

    struct letters {
        std::vector<const connection*> ended;          // their clients have left
        std::vector<std::shared_ptr<connection>> gone; // the lane works with them no more
    };

    void put_ended(const connection* which) {
        const std::scoped_lock lock(guard_);
        letters_.ended.push_back(which);
        ring();
    }

    void put_gone(std::shared_ptr<connection> which) {
        const std::scoped_lock lock(guard_);
        letters_.gone.push_back(std::move(which));
        ring();
    }

    letters take() {
        eventfd_t ignored = 0;
        ::eventfd_read(bell_.number(), &ignored);
        const std::scoped_lock lock(guard_);
        return std::exchange(letters_, {});
    }

    void ring() const { ::eventfd_write(bell_.number(), 1); }

    const os::descriptor& bell() const { return bell_; }

  private:
    os::descriptor bell_;
    std::mutex guard_;
    letters letters_;
};

// What the lane works with.
struct export_server::connection {
    connection(
        os::descriptor client,
        bool structured_replies,
        iscsi::bytes_view head,
        const std::shared_ptr<mailbox>& box,
        std::shared_ptr<byte_budget> budget
    )
        : socket(std::move(client))
        , link(
              socket.number(),
              {.structured_replies = structured_replies},
              [this, box] { box->put_ended(this); },
              head,
              std::move(budget)
          ) {}

    os::descriptor socket;
    nbd_link link;
};

iscsi::result<std::unique_ptr<export_server>> export_server::make(
    lane::lane& where,
    const disk_request& what,
    const nbd_export& shown,
    export_socket socket,
    export_limits limits
) {
    std::unique_ptr<export_server> made(
        new export_server(where, what, shown, std::move(socket), std::move(limits))
    );
    if (!made->mailbox_->bell())
        return system_fault(disk_errc::attach_failed, "eventfd", "a descriptor");
    made->start();
    return made;
}

export_server::export_server(
    lane::lane& where,
    disk_request what,
    nbd_export shown,
    export_socket socket,
    export_limits limits
)
    : lane_(where)
    , patience_(limits.patience)
    , budget_(std::move(limits.budget))
    , mailbox_(std::make_shared<mailbox>())
    , what_(std::move(what))
    , shown_(std::move(shown))
    , socket_(std::move(socket)) {}

export_server::~export_server() {
    {
        const std::scoped_lock lock(guard_);
        is_closing_ = true;
    }
    close();
}

void export_server::start() {
    const os::blocked_signals meanwhile;
    thread_ = std::thread([this] { run(); });
}

void export_server::close() {
    mailbox_->ring();
    if (thread_.joinable())
        thread_.join();
}

// Who has just left is connected until the lane says otherwise.
bool export_server::close_unless_used() {
    {
        std::unique_lock lock(guard_);
        const auto patience = dismissal_ == dismissal::none ? patience_.users : patience_.dismissed;
        if (!unused_.wait_for(lock, patience, [this] { return served_ == 0; }))
            return false;
        is_closing_ = true;
    }
    close();
    return true;
}

void export_server::dismiss() {
    {
        const std::scoped_lock lock(guard_);
        if (dismissal_ == dismissal::none)
            dismissal_ = dismissal::asked;
    }
    mailbox_->ring();
}

bool export_server::was_used() const {
    const std::scoped_lock lock(guard_);
    return was_used_;
}

void export_server::change(const scsi::logical_unit& properties, const nbd_export& shown) {
    const std::scoped_lock lock(guard_);
    what_.properties = properties;
    shown_ = shown;
}

bool export_server::is_closing() const {
    const std::scoped_lock lock(guard_);
    return is_closing_;
}

// ---- the thread ---------------------------------------------------------------------------------

void export_server::run() {
    ::pthread_setname_np(::pthread_self(), "nbd-export");
    while (!is_closing()) {
        wait();
        read_mail();
        dismiss_clients();
        accept_clients();
        for (negotiation& each : negotiations_)
            negotiate(each);
        forget_those_over();
    }
    say_goodbye();
}

void export_server::wait() {
    std::vector<pollfd> all{{mailbox_->bell().number(), POLLIN, 0}};
    if (clock::now() >= accept_at_)
        all.push_back({socket_->number(), POLLIN, 0});
    for (const negotiation& each : negotiations_) {
        const bool sends = !each.output.empty();
        all.push_back({each.socket.number(), static_cast<short>(sends ? POLLOUT : POLLIN), 0});
    }
    ::poll(all.data(), all.size(), time_to_wait());
}

// In milliseconds, rounded up; negative for ever.
int export_server::time_to_wait() const {
    const auto now = clock::now();
    std::optional<clock::time_point> first;
    if (accept_at_ > now)
        first = accept_at_;
    if (end_at_)
        first = std::min(first.value_or(*end_at_), *end_at_);
    for (const negotiation& each : negotiations_)
        first = std::min(first.value_or(each.limit), each.limit);
    if (!first)
        return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*first - now);
    return static_cast<int>(std::max(left, 0ms).count());
}

void export_server::accept_clients() {
    if (clock::now() < accept_at_)
        return;
    while (true) {
        os::descriptor client(::accept4(socket_->number(), nullptr, nullptr, SOCK_CLOEXEC));
        if (client) {
            admit(std::move(client));
            continue;
        }
        if (!is_later(errno) && errno != ECONNABORTED)
            accept_at_ = clock::now() + pause_without_descriptors;
        return;
    }
}

std::size_t export_server::clients() const {
    return negotiations_.size() + connections_.size() + parting_;
}

void export_server::admit(os::descriptor socket) {
    const std::scoped_lock lock(guard_);
    if (clients() >= most_clients || dismissal_ != dismissal::none)
        return;
    negotiation fresh{
        std::move(socket), nbd_handshake(shown_), clock::now() + patience_.handshake, {}};
    fresh.output = fresh.handshake.take_output();
    negotiations_.push_back(std::move(fresh));
}

void export_server::negotiate(negotiation& with) {
    if (with.output.empty())
        receive(with);
    const auto now = with.handshake.now();
    if (now == nbd_handshake::phase::transmission && !with.is_served)
        count(with);
    send(with);
    if (clock::now() >= with.limit)
        with.over = true;
    if (with.over || !with.output.empty())
        return;
    if (now == nbd_handshake::phase::transmission)
        hand_over(with);
    with.over = now != nbd_handshake::phase::negotiating;
}

void export_server::forget_those_over() {
    for (const negotiation& each : negotiations_)
        if (each.over && each.is_served)
            uncount();
    std::erase_if(negotiations_, [](const negotiation& each) { return each.over; });
}

void export_server::receive(negotiation& from) {
    std::array<std::byte, received_at_once> room{};
    const auto count = ::recv(from.socket.number(), room.data(), room.size(), MSG_DONTWAIT);
    if (count > 0) { // a fault is the phase `aborted`: what is to be said still goes out
        static_cast<void>(
            from.handshake.received(std::span(room).first(static_cast<std::size_t>(count)))
        );
        from.output = from.handshake.take_output();
    } else if (count == 0 || !is_later(errno)) {
        from.over = true;
    }
}

void export_server::send(negotiation& to) {
    if (to.over || to.output.empty())
        return;
    const auto count =
        ::send(to.socket.number(), to.output.data(), to.output.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count >= 0)
        to.output.erase(to.output.begin(), to.output.begin() + count);
    else if (!is_later(errno))
        to.over = true;
}

// ---- connections --------------------------------------------------------------------------------

// Before its answer leaves: a client that knows that it is connected keeps the disk.
void export_server::count(negotiation& fresh) {
    const std::scoped_lock lock(guard_);
    const bool is_late = is_closing_ || dismissal_ != dismissal::none;
    fresh.is_served = !is_late;
    fresh.over = is_late;
    served_ += is_late ? 0 : 1;
    was_used_ = true;
}

void export_server::uncount() {
    const std::scoped_lock lock(guard_);
    if (--served_ == 0)
        unused_.notify_all();
}

void export_server::hand_over(negotiation& from) {
    const auto fresh = make_connection(from);
    if (!fresh)
        return;
    from.is_served = false; // the connection is, from now on
    connections_.push_back(fresh);
    const std::scoped_lock lock(guard_);
    lane_.attach(what_.session, what_.lun, what_.properties, fresh->link);
}

// nullptr: no memory for it.
std::shared_ptr<export_server::connection> export_server::make_connection(negotiation& from) const {
    using pointer = std::shared_ptr<connection>;
    const auto head = from.handshake.take_rest();
    const bool structured = from.handshake.structured_replies();
    auto made = without_exceptions([&]() -> iscsi::result<pointer> {
        return std::make_shared<connection>(
            std::move(from.socket), structured, head, mailbox_, budget_
        );
    });
    return made ? std::move(*made) : nullptr;
}

// ---- clients that are to leave ------------------------------------------------------------------

void export_server::dismiss_clients() {
    dismissal now = dismissal::none;
    {
        const std::scoped_lock lock(guard_);
        now = dismissal_;
        if (now == dismissal::asked)
            dismissal_ = dismissal::refused;
        else if (now == dismissal::refused && clock::now() >= *end_at_)
            dismissal_ = dismissal::ending;
        else
            return;
    }
    if (now == dismissal::asked)
        refuse_clients();
    else
        end_connections();
}

// Who is being let in is served by nobody any more.
void export_server::refuse_clients() {
    end_at_ = clock::now() + patience_.refused;
    for (negotiation& each : negotiations_)
        each.over = true;
    forget_those_over();
    for (const auto& each : connections_)
        lane_.post([kept = each] { kept->link.refuse_requests(); });
}

// Each end comes back as mail.
void export_server::end_connections() {
    end_at_.reset();
    for (const auto& each : connections_)
        lane_.post([kept = each] { kept->link.end_when_idle(); });
}

void export_server::read_mail() {
    const auto letters = mailbox_->take();
    parting_ -= letters.gone.size();
    for (const connection* ended : letters.ended) {
        const auto which = std::ranges::find_if(connections_, [ended](const auto& each) {
            return each.get() == ended;
        });
        if (which == connections_.end())
            continue;
        part_with(*which);
        connections_.erase(which);
    }
}

// The lane lets go when nothing of the connection is under way, which may hang in a session that is
// in recovery: nobody waits here, and the lane keeps it until then.
void export_server::part_with(const std::shared_ptr<connection>& which) {
    ::shutdown(which->socket.number(), SHUT_RDWR);
    ++parting_;
    lane_.detach(which->link, [box = mailbox_, kept = which]() mutable {
        box->put_gone(std::move(kept)); // its memory is freed by the server's thread
    });
    uncount();
}

void export_server::say_goodbye() {
    socket_.reset();
    negotiations_.clear();
    for (const auto& each : connections_)
        part_with(each);
    connections_.clear();
    const auto limit = clock::now() + patience_.lane;
    read_mail();
    while (parting_ > 0 && clock::now() < limit) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(limit - clock::now());
        pollfd bell{mailbox_->bell().number(), POLLIN, 0};
        ::poll(&bell, 1, static_cast<int>(std::max(left, 0ms).count()));
        read_mail();
    }
}

} // namespace iscsid::disk
