#include "tests/support/target_server.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>

#include <utility>

namespace iscsi::test {

namespace asio = boost::asio;
using asio::ip::tcp;

target_server::target_server(asio::io_context& context, memory_target& target, std::uint16_t port)
    : target_(target), acceptor_(context, tcp::endpoint(asio::ip::address_v4::loopback(), port)) {
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
        auto& fresh = *connections_.back();
        fresh.link.screen_requests([this, &fresh](const raw_pdu& heard) {
            return screen(fresh, heard);
        });
        read_next(connections_.back());
        accept_next();
    });
}

void target_server::read_next(const connection_ptr& from) {
    from->socket.async_read_some(
        asio::buffer(from->input),
        [this, from](boost::system::error_code error, std::size_t n) {
            if (error == asio::error::operation_aborted)
                return;
            if (error)
                return close(from);
            from->link.received(bytes_view(from->input).first(n));
            flush(); // a login may have ended another connection
            read_next(from);
        }
    );
}

// What the link says, and what the script makes of it.
void target_server::take_output(const connection_ptr& to) {
    auto more = to->link.take_output();
    if (to->silent || to->closes || more.empty())
        return;
    if (faults_ != nullptr) {
        const auto& agreed = to->link.parameters();
        auto changed = faults_->apply(more, {agreed.header_digest, agreed.data_digest});
        to->closes = changed.close;
        to->silent = changed.silence;
        more = std::move(changed.bytes);
        if (changed.stall.count() > 0)
            stall_for(to, changed.stall);
        tell(*to, changed.messages);
    }
    to->waiting.insert(to->waiting.end(), more.begin(), more.end());
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
target_link::reception target_server::screen(connection& by, const raw_pdu& heard) {
    if (faults_ == nullptr)
        return target_link::reception::take;
    const auto verdict = faults_->judge(heard);
    by.closes = by.closes || verdict.close;
    by.silent = by.silent || verdict.silence;
    if (by.link.is_logged_in())
        tell(by, verdict.messages);
    if (verdict.close || verdict.ignore)
        return target_link::reception::ignore;
    return verdict.hold ? target_link::reception::hold : target_link::reception::take;
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
    if (!to->writing.empty() || to->stalls)
        return;
    if (to->waiting.empty()) {
        if (to->link.is_over() || to->closes)
            close(to);
        return;
    }
    to->writing = std::exchange(to->waiting, {});
    asio::async_write(
        to->socket,
        asio::buffer(to->writing),
        [this, to](boost::system::error_code error, std::size_t /*n*/) {
            if (error == asio::error::operation_aborted)
                return;
            to->writing.clear();
            error ? close(to) : write_next(to);
        }
    );
}

void target_server::close(const connection_ptr& which) {
    const auto kept = which; // `which` may live in the list
    boost::system::error_code ignored;
    kept->stall.cancel();
    kept->socket.close(ignored);
    kept->link.end();
    connections_.remove(kept);
}

} // namespace iscsi::test
