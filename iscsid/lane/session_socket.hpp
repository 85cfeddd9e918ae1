#pragma once

#include "iscsid/lane/ring.hpp"

#include "libiscsi/base/bytes.hpp"
#include "libiscsi/base/result.hpp"

#include <optional>
#include <span>
#include <vector>

namespace iscsid::lane {

// Who hears of a socket's input and output, on the lane's thread.
class socket_owner {
  public:
    virtual ~socket_owner() = default;
    virtual void received(std::size_t bytes) = 0;
    virtual void sent(std::size_t bytes) = 0;

    // The socket is closed, and the kernel has let go of all memory that it was given: only now may
    // the session hear of the loss. Without a code the close was asked for.
    virtual void closed(const iscsi::fault& why) = 0;
};

// The socket of a session on the lane's ring: at most one receive and one send are under way.
//
//   open() → receive() and send(), whenever nothing of that kind is under way → close() → closed()
//
// An error of the kernel, and the end of the stream, close it, too.
class session_socket final : private ring_client {
  public:
    // -1: none yet.
    session_socket(int socket, ring& io, socket_owner& owner);
    ~session_socket() override;
    session_socket(const session_socket&) = delete;
    session_socket& operator=(const session_socket&) = delete;
    session_socket(session_socket&&) = delete;
    session_socket& operator=(session_socket&&) = delete;

    bool is_open() const { return socket_ >= 0; }

    void open(int socket);

    bool can_receive() const { return is_open() && !closing_ && !receive_under_way_; }

    bool can_send() const { return is_open() && !closing_ && !send_under_way_; }

    // The memory stays in place until received(), sent() or closed(). Nothing to do: no call.
    void receive(std::span<const iscsi::mutable_bytes> plan);
    // The end of a quiet send may be told late (ring.hpp).
    void send(std::span<const iscsi::bytes_view> plan, ending end);

    // Once is enough; the first reason holds. What has not left this host is dropped.
    void close(const iscsi::fault& why);

    // close() after a logout that the target has confirmed: as streams end, not by a reset.
    void end_stream();

  private:
    enum operation_number : std::uint32_t { receiving, sending };

    void ring_done(std::uint32_t operation, std::int32_t result) override;
    void receive_done(std::int32_t result);
    void send_done(std::int32_t result);
    void finish_close();

    int socket_;
    ring& io_;
    socket_owner& owner_;
    bool receive_under_way_ = false;
    bool send_under_way_ = false;
    std::optional<iscsi::fault> closing_; // waits for both to end
    std::vector<iovec> receive_vector_;
    std::vector<iovec> send_vector_;
};

} // namespace iscsid::lane
