#include "iscsid/disk/export_clients.hpp"

#include "iscsid/disk/kernel/system_fault.hpp"
#include "iscsid/os/descriptor_reserve.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <future>

namespace iscsid::disk {

namespace {

using namespace std::chrono_literals;

constexpr auto pause_without_descriptors = 200ms;
constexpr std::size_t received_at_once = 4096; // a whole negotiation of any known client

bool is_later(int error) {
    return error == EAGAIN || error == EINTR;
}

} // namespace

// What the lane works with.
struct export_clients::connection {
    connection(
        os::descriptor client,
        bool structured_replies,
        iscsi::bytes_view head,
        std::function<void(const connection*)> ended,
        std::shared_ptr<byte_share> share
    )
        : socket(std::move(client))
        , link(
              socket.number(),
              {.structured_replies = structured_replies},
              [this, tell = std::move(ended)] { tell(this); },
              head,
              std::move(share)
          ) {}

    os::descriptor socket;
    nbd_link link;
};

export_clients::export_clients(
    surroundings around, disk_request what, nbd_export shown, export_socket socket
)
    : around_(std::move(around))
    , what_(std::move(what))
    , shown_(std::move(shown))
    , socket_(std::move(socket)) {}

// ---- other threads ------------------------------------------------------------------------------

bool export_clients::start() {
    std::promise<int> error;
    around_.loop.mail()->post([this, &error] {
        around_.loop.enter(*this);
        const bool is_watched = around_.loop.watch(*this, socket_->number(), EPOLLIN);
        error.set_value(is_watched ? 0 : errno);
    });
    errno = error.get_future().get();
    return errno == 0;
}

void export_clients::close() {
    std::unique_lock lock(guard_);
    is_closing_ = true;
    around_.loop.mail()->post([self = shared_from_this()] { self->say_goodbye(); });
    news_.wait(lock, [this] { return is_closed_; });
    news_.wait_for(lock, around_.patience.lane, [this] { return parting_ == 0; });
}

// Who has just left is connected until the lane says otherwise.
bool export_clients::close_to_others() {
    std::unique_lock lock(guard_);
    const auto& patience = around_.patience;
    const auto limit = dismissal_ == dismissal::none ? patience.users : patience.dismissed;
    is_closing_ = news_.wait_for(lock, limit, [this] { return served_ == 0; });
    return is_closing_;
}

void export_clients::dismiss() {
    {
        const std::scoped_lock lock(guard_);
        if (dismissal_ == dismissal::none)
            dismissal_ = dismissal::asked;
    }
    around_.loop.mail()->post([self = shared_from_this()] { self->turn(); });
}

bool export_clients::was_used() const {
    const std::scoped_lock lock(guard_);
    return was_used_;
}

void export_clients::change(const scsi::logical_unit& properties, const nbd_export& shown) {
    const std::scoped_lock lock(guard_);
    what_.properties = properties;
    shown_ = shown;
}

// ---- turns --------------------------------------------------------------------------------------

void export_clients::turn() {
    if (!socket_) // closed
        return;
    dismiss_clients();
    accept_clients();
    for (negotiation& each : negotiations_)
        negotiate(each);
    forget_those_over();
    arrange_next_turn();
}

void export_clients::arrange_next_turn() {
    const bool listens = clock::now() >= accept_at_;
    if (std::exchange(is_listening_, listens) != listens)
        static_cast<void>(
            around_.loop.watch(*this, socket_->number(), listens ? std::uint32_t{EPOLLIN} : 0)
        );
    std::optional<clock::time_point> first = end_at_;
    if (!listens)
        first = std::min(first.value_or(accept_at_), accept_at_);
    for (const negotiation& each : negotiations_)
        first = std::min(first.value_or(each.limit), each.limit);
    around_.loop.wake_at(*this, first);
}

// No more at a time than may stay, so that others have their turn.
void export_clients::accept_clients() {
    if (clock::now() < accept_at_)
        return;
    for (std::size_t count = 0; count < most_clients; ++count) {
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

void export_clients::admit(os::descriptor socket) {
    const std::scoped_lock lock(guard_);
    const auto clients = negotiations_.size() + connections_.size() + parting_;
    const bool is_one_too_many = clients > 0 && os::takes_what_is_kept(socket.number());
    if (clients >= most_clients || is_one_too_many || dismissal_ != dismissal::none)
        return;
    negotiation fresh{
        std::move(socket), nbd_handshake(shown_), clock::now() + around_.patience.handshake, {}};
    fresh.output = fresh.handshake.take_output();
    negotiations_.push_back(std::move(fresh));
}

void export_clients::negotiate(negotiation& with) {
    if (with.output.empty())
        receive(with);
    const auto now = with.handshake.now();
    if (now == nbd_handshake::phase::transmission && !with.is_served)
        count(with);
    send(with);
    if (clock::now() >= with.limit)
        with.over = true;
    if (with.over || !with.output.empty())
        return watch(with);
    if (now == nbd_handshake::phase::transmission)
        hand_over(with);
    with.over = now != nbd_handshake::phase::negotiating;
    watch(with);
}

void export_clients::watch(negotiation& of) {
    const std::uint32_t events = of.output.empty() ? EPOLLIN : EPOLLOUT;
    if (!of.over && std::exchange(of.watched, events) != events)
        of.over = !around_.loop.watch(*this, of.socket.number(), events);
}

void export_clients::forget_those_over() {
    for (const negotiation& each : negotiations_) {
        if (each.over && each.is_served)
            uncount();
        if (each.over && each.socket)
            around_.loop.forget(each.socket.number());
    }
    std::erase_if(negotiations_, [](const negotiation& each) { return each.over; });
}

void export_clients::receive(negotiation& from) {
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

void export_clients::send(negotiation& to) {
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
void export_clients::count(negotiation& fresh) {
    const std::scoped_lock lock(guard_);
    const bool is_late = is_closing_ || dismissal_ != dismissal::none;
    fresh.is_served = !is_late;
    fresh.over = is_late;
    served_ += is_late ? 0 : 1;
    was_used_ = true;
}

void export_clients::uncount() {
    const std::scoped_lock lock(guard_);
    if (--served_ == 0)
        news_.notify_all();
}

void export_clients::hand_over(negotiation& from) {
    around_.loop.forget(from.socket.number());
    const auto fresh = make_connection(from);
    if (!fresh)
        return;
    from.is_served = false; // the connection is, from now on
    connections_.push_back(fresh);
    const std::scoped_lock lock(guard_);
    around_.where.attach(what_.session, what_.lun, what_.properties, fresh->link);
}

// nullptr: no memory for it.
std::shared_ptr<export_clients::connection> export_clients::make_connection(negotiation& from) {
    using pointer = std::shared_ptr<connection>;
    const auto head = from.handshake.take_rest();
    const bool structured = from.handshake.structured_replies();
    auto ended = [box = around_.loop.mail(), self = weak_from_this()](const connection* which) {
        box->post([self, which] {
            if (const auto here = self.lock())
                here->has_ended(which);
        });
    };
    auto made = without_exceptions([&]() -> iscsi::result<pointer> {
        return std::make_shared<connection>(
            std::move(from.socket), structured, head, std::move(ended), around_.share
        );
    });
    return made ? std::move(*made) : nullptr;
}

// ---- clients that are to leave ------------------------------------------------------------------

void export_clients::dismiss_clients() {
    dismissal now = dismissal::none;
    {
        const std::scoped_lock lock(guard_);
        now = dismissal_;
        if (now == dismissal::asked)
            dismissal_ = dismissal::refused;
        else if (now == dismissal::refused && clock::now() >= *end_at_)
            dismissal_ = dismissal::ending;
        else if (now == dismissal::ending && clock::now() >= *end_at_)
            dismissal_ = dismissal::cut_off;
        else
            return;
    }
    if (now == dismissal::asked)
        refuse_clients();
    else if (now == dismissal::refused)
        end_connections();
    else
        cut_off_connections();
}

// Who is being let in is served by nobody any more.
void export_clients::refuse_clients() {
    end_at_ = clock::now() + around_.patience.refused;
    for (negotiation& each : negotiations_)
        each.over = true;
    forget_those_over();
    for (const auto& each : connections_)
        around_.where.post([kept = each] { kept->link.refuse_requests(); });
}

// Each end comes back as mail.
void export_clients::end_connections() {
    end_at_ = clock::now() + around_.patience.unread;
    for (const auto& each : connections_)
        around_.where.post([kept = each] { kept->link.end_when_idle(); });
}

// A client that reads nothing would keep the daemon; what it wrote is with the LUN.
void export_clients::cut_off_connections() {
    end_at_.reset();
    for (const auto& each : connections_)
        around_.where.post([kept = each] { kept->link.end_when_served(); });
}

// Unless we have parted meanwhile.
void export_clients::has_ended(const connection* which) {
    const auto found = std::ranges::find_if(connections_, [which](const auto& each) {
        return each.get() == which;
    });
    if (found == connections_.end())
        return;
    part_with(*found);
    connections_.erase(found);
}

// The lane lets go when nothing of the connection is under way, which may hang in a session that is
// in recovery: nobody waits here, and the lane keeps it until then. Its memory is freed on the
// loop's thread, or at the end of the lane where that comes later than the loop's.
void export_clients::part_with(const std::shared_ptr<connection>& which) {
    ::shutdown(which->socket.number(), SHUT_RDWR);
    {
        const std::scoped_lock lock(guard_);
        ++parting_;
    }
    auto gone = [box = around_.loop.mail(), self = weak_from_this(), kept = which]() mutable {
        box->post([self, kept = std::move(kept)]() mutable {
            kept.reset();
            if (const auto here = self.lock())
                here->is_gone();
        });
    };
    around_.where.detach(which->link, std::move(gone));
    uncount();
}

void export_clients::is_gone() {
    const std::scoped_lock lock(guard_);
    if (--parting_ == 0)
        news_.notify_all();
}

void export_clients::say_goodbye() {
    if (socket_) {
        around_.loop.forget(socket_->number());
        around_.loop.leave(*this);
        socket_.reset();
    }
    for (negotiation& each : negotiations_)
        each.over = true;
    forget_those_over();
    for (const auto& each : connections_)
        part_with(each);
    connections_.clear();
    const std::scoped_lock lock(guard_);
    is_closed_ = true;
    news_.notify_all();
}

} // namespace iscsid::disk
