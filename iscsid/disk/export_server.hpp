#pragma once

#include "iscsid/disk/driver.hpp"
#include "iscsid/disk/export_socket.hpp"
#include "iscsid/disk/nbd_handshake.hpp"
#include "iscsid/disk/nbd_link.hpp"

#include <chrono>
#include <condition_variable>
#include <list>
#include <mutex>
#include <optional>
#include <thread>

namespace iscsid::disk {

// How long each step may take before it is given up.
struct export_patience {
    std::chrono::milliseconds handshake = std::chrono::seconds(10);
    std::chrono::milliseconds users = std::chrono::seconds(2);     // that are about to leave
    std::chrono::milliseconds refused = std::chrono::seconds(1);   // to clients that are dismissed
    std::chrono::milliseconds dismissed = std::chrono::seconds(5); // for them to be gone
    std::chrono::milliseconds lane = std::chrono::seconds(10);     // to let go of all connections
    std::chrono::milliseconds flush = std::chrono::seconds(30);    // of a LUN that nobody uses
};

// What bounds a server. `budget`: of all servers of the lane; none: each connection has its own
// bound.
struct export_limits {
    export_patience patience{};
    std::shared_ptr<byte_budget> budget{};
};

// Serves one LUN to the clients of a socket. A thread of its own accepts and negotiates with all of
// them at a time; then a connection lives on the lane until its client leaves.
//
//   make() → clients come and go → close_unless_used(), or the destructor, which cuts them off
//
// A client counts as a user from the moment when it may know that it was let in, so that a logout
// cannot pass between its last word and its first request. The thread never waits for the lane: a
// connection is parted with by a message, and its end comes back as one.
class export_server {
  public:
    static constexpr std::size_t most_clients = 16; // more are closed at once

    // Throws when the system has no thread or memory. Faults:
    // disk_errc::attach_failed.
    static iscsi::result<std::unique_ptr<export_server>> make(
        lane::lane& where,
        const disk_request& what,
        const nbd_export& shown,
        export_socket socket,
        export_limits limits
    );

    ~export_server(); // cuts off whoever is connected
    export_server(const export_server&) = delete;
    export_server& operator=(const export_server&) = delete;
    export_server(export_server&&) = delete;
    export_server& operator=(export_server&&) = delete;

    // True: nobody is connected and nobody can connect any more; the file is gone. False: a client
    // is connected and did not leave in time; nothing has changed.
    bool close_unless_used();

    // Asks all clients to leave, and lets no other in: for a second their requests are refused with
    // ESHUTDOWN, then each connection ends with its last request. Returns at once.
    void dismiss();

    // Once a client has been served: what it wrote may be in a cache.
    bool was_used() const;

    // For clients that connect from now on.
    void change(const scsi::logical_unit& properties, const nbd_export& shown);

  private:
    using clock = std::chrono::steady_clock;

    class mailbox;
    struct connection;

    struct negotiation {
        os::descriptor socket;
        nbd_handshake handshake;
        clock::time_point limit;
        std::vector<std::byte> output; // that the client has not taken yet
        bool is_served = false;        // counted; from the moment when the client may know of it
        bool over = false;
    };

    export_server(
        lane::lane& where,
        disk_request what,
        nbd_export shown,
        export_socket socket,
        export_limits limits
    );

    enum class dismissal : std::uint8_t {
        none,
        asked,   // the thread does not know yet
        refused, // clients hear ESHUTDOWN
        ending,  // connections end as their requests do
    };

    void start();
    void close();
    void run();
    void wait();
    int time_to_wait() const;
    bool is_closing() const;

    void accept_clients();
    std::size_t clients() const;
    void admit(os::descriptor socket);
    void negotiate(negotiation& with);
    void forget_those_over();
    static void receive(negotiation& from);
    static void send(negotiation& to);
    void count(negotiation& fresh);
    void uncount();
    void hand_over(negotiation& from);
    std::shared_ptr<connection> make_connection(negotiation& from) const;

    void dismiss_clients();
    void refuse_clients();
    void end_connections();
    void read_mail();
    void part_with(const std::shared_ptr<connection>& which);
    void say_goodbye();

    lane::lane& lane_;
    const export_patience patience_;
    const std::shared_ptr<byte_budget> budget_;
    std::shared_ptr<mailbox> mailbox_; // the lane has it too, perhaps longer
    std::thread thread_;

    mutable std::mutex guard_; // of all until the next blank line
    std::condition_variable unused_;
    disk_request what_;
    nbd_export shown_;
    std::size_t served_ = 0; // clients that were let in and have not left
    bool was_used_ = false;
    bool is_closing_ = false;
    dismissal dismissal_ = dismissal::none;

    std::optional<export_socket> socket_;     // from here on: the thread's
    clock::time_point accept_at_{};           // not before: the system had no descriptors
    std::optional<clock::time_point> end_at_; // of the time in which clients are refused
    std::list<negotiation> negotiations_;
    std::vector<std::shared_ptr<connection>> connections_;
    std::size_t parting_ = 0; // connections that the lane has not let go of
};

} // namespace iscsid::disk
