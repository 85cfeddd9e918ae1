#include "tests/support/target_server.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>

#include <utility>

namespace iscsi::test {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

constexpr std::size_t most_waiting = 1024UL * 1024;
constexpr int slow_buffer = 32 * 1024; // of the kernel, for a link with a rate

} // namespace

target_server::target_server(asio::io_context& context, memory_target& target, std::uint16_t port)
    : target_(target)
    , landing_(context)
    , acceptor_(context, tcp::endpoint(asio::ip::address_v4::loopback(), port)) {
    target_.clock = [] { return std::chrono::steady_clock::now(); };
    accept_next();
}

target_server::~target_server() {
    drop_connections();
}

void target_server::drop_connections() {
    while (!connections_.empty())
        close(connections_.front());
}

void target_server::flush() {
    const auto all = connections_; // write_next() may close some
    for (const auto& each : all)
        write_next(each);
}

void target_server::accept_next() {
    acceptor_.async_accept([this](boost::system::error_code error, tcp::socket socket) {
        if (error)
            return;
        socket.set_option(tcp::no_delay(true), error);
        connections_.push_back(std::make_shared<connection>(std::move(socket), target_));
        prepare(connections_.back());
        read_next(connections_.back());
        accept_next();
    });
}

void target_server::prepare(const connection_ptr& fresh) {
    fresh->link.screen_requests([this, to = fresh.get()](const raw_pdu& heard) {
        return screen(*to, heard);
    });
    fresh->link.postpone_answers([this,
                                  to = std::weak_ptr(fresh)](instant due, std::uint64_t number) {
        wait_for_answer(to, due, number);
    });
    if (rate_ != 0) {
        boost::system::error_code ignored;
        fresh->socket.set_option(asio::socket_base::receive_buffer_size(slow_buffer), ignored);
    }
    if (target_.options().habits.ping_interval.count() > 0)
        ping_later(fresh);
}

void target_server::wait_for_answer(
    const std::weak_ptr<connection>& to, instant due, std::uint64_t number
) {
    auto timer = std::make_shared<asio::steady_timer>(acceptor_.get_executor(), due);
    timer->async_wait([this, to, number, timer](boost::system::error_code error) {
        const auto alive = to.lock();
        if (error || !alive)
            return;
        alive->link.answer(number);
        write_next(alive);
    });
}

void target_server::ping_later(const connection_ptr& to) {
    to->ping.expires_after(target_.options().habits.ping_interval);
    to->ping.async_wait([this, to](boost::system::error_code error) {
        if (error || to->link.is_over())
            return;
        if (to->link.is_logged_in())
            to->link.ping();
        write_next(to);
        ping_later(to);
    });
}

// A target that lets running writes go on: they end a little after the next session has begun.
void target_server::land_late_writes_later() {
    if (!target_.options().habits.lands_late_writes || target_.late_writes() == 0)
        return;
    landing_.expires_after(std::chrono::milliseconds(200));
    landing_.async_wait([this](boost::system::error_code error) {
        if (!error)
            target_.land_late_writes();
    });
}

// At a low rate bytes move in pieces of 10 ms, so that they do not come in bursts.
std::size_t target_server::piece(std::size_t most) const {
    constexpr std::size_t least = 1024;
    return rate_ == 0 ? most : std::min(most, std::max<std::size_t>(rate_ / 100, least));
}

void target_server::read_next(const connection_ptr& from) {
    from->socket.async_read_some(
        asio::buffer(from->input, piece(from->input.size())),
        [this, from](boost::system::error_code error, std::size_t n) {
            if (error == asio::error::operation_aborted)
                return;
            if (error)
                return close(from);
            const auto logins = target_.logins();
            from->link.received(bytes_view(from->input).first(n));
            if (target_.logins() != logins)
                flush(); // it may have ended another connection
            else
                write_next(from);
            land_late_writes_later();
            read_after(from, n);
        }
    );
}

void target_server::read_after(const connection_ptr& from, std::size_t taken) {
    if (rate_ == 0)
        return read_next(from);
    from->input_pause.expires_at(from->input_pace.pass(taken, rate_));
    from->input_pause.async_wait([this, from](boost::system::error_code error) {
        if (!error)
            read_next(from);
    });
}

// What the link says, and what the script makes of it.
void target_server::take_output(const connection_ptr& to) {
    if (to->waiting.size() > most_waiting) // the link keeps the rest
        return;
    auto more = to->link.take_gathered_output();
    if (to->silent || to->closes || more.is_empty())
        return;
    if (faults_ != nullptr && !faults_->is_empty()) {
        const auto& agreed = to->link.parameters();
        auto changed = faults_->apply(more.take_flat(), {agreed.header_digest, agreed.data_digest});
        to->closes = changed.close;
        to->silent = changed.silence;
        more.bytes() = std::move(changed.bytes);
        if (changed.stall.count() > 0)
            stall_for(to, changed.stall);
        tell(*to, changed.messages);
    }
    to->waiting.append(std::move(more));
}

void target_server::tell(connection& to, const std::vector<std::uint8_t>& events) {
    for (const auto event : events) {
        async_message message;
        message.async_event = event;
        message.parameter3 = 5;
        to.link.tell(message);
    }
}

// What the script says of a PDU that has arrived.
target_link::treatment target_server::screen(connection& by, const raw_pdu& heard) {
    if (faults_ == nullptr)
        return {};
    auto verdict = faults_->judge(heard);
    by.closes = by.closes || verdict.close;
    by.silent = by.silent || verdict.silence;
    if (by.link.is_logged_in())
        tell(by, verdict.messages);
    return {
        .ignore = verdict.close || verdict.ignore,
        .hold = verdict.hold,
        .delay = verdict.delay,
        .answer = std::move(verdict.answer),
        .reject = verdict.reject};
}

void target_server::stall_for(const connection_ptr& which, std::chrono::milliseconds time) {
    which->stalls = true;
    which->stall.expires_after(time);
    which->stall.async_wait([this, which](boost::system::error_code error) {
        if (error)
            return; // closed, or stalled anew
        which->stalls = false;
        write_next(which);
    });
}

void target_server::write_next(const connection_ptr& to) {
    take_output(to);
    if (!to->writing.is_empty() || to->stalls)
        return;
    if (to->waiting.is_empty()) {
        if (to->link.is_over() || to->closes)
            close(to);
        return;
    }
    take_piece(*to);
    std::vector<asio::const_buffer> pieces;
    for (const auto piece : to->writing.pieces())
        pieces.emplace_back(piece.data(), piece.size());
    asio::async_write(
        to->socket,
        pieces,
        [this, to](boost::system::error_code error, std::size_t n) {
            if (error == asio::error::operation_aborted)
                return;
            error ? close(to) : wrote(to, n);
        }
    );
}

void target_server::take_piece(connection& to) const {
    const auto length = piece(to.waiting.size());
    if (length == to.waiting.size()) {
        to.writing = std::exchange(to.waiting, {});
        return;
    }
    auto all = to.waiting.take_flat();
    const auto end = all.begin() + static_cast<std::ptrdiff_t>(length);
    to.writing.bytes().assign(all.begin(), end);
    all.erase(all.begin(), end);
    to.waiting.bytes() = std::move(all);
}

// At a low rate the next bytes wait until these are over.
void target_server::wrote(const connection_ptr& to, std::size_t count) {
    if (rate_ == 0) {
        to->writing = {};
        return write_next(to);
    }
    to->output_pause.expires_at(to->output_pace.pass(count, rate_));
    to->output_pause.async_wait([this, to](boost::system::error_code error) {
        to->writing = {};
        if (!error)
            write_next(to);
    });
}

void target_server::close(const connection_ptr& which) {
    const auto kept = which; // `which` may live in the list
    boost::system::error_code ignored;
    for (auto* timer : {&kept->stall, &kept->input_pause, &kept->output_pause, &kept->ping})
        timer->cancel();
    kept->socket.close(ignored);
    kept->link.end();
    connections_.remove(kept);
}

} // namespace iscsi::test
