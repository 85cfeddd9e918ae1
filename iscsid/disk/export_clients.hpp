#pragma once

#include "iscsid/disk/driver.hpp"
#include "iscsid/disk/export_loop.hpp"
#include "iscsid/disk/export_socket.hpp"
#include "iscsid/disk/nbd_handshake.hpp"
#include "iscsid/disk/nbd_link.hpp"

#include <chrono>
#include <condition_variable>
#include <list>
#include <mutex>
#include <optional>

namespace iscsid::disk {

// How long each step may take before it is given up.
struct export_patience {
    std::chrono::milliseconds handshake = std::chrono::seconds(10);
    std::chrono::milliseconds users = std::chrono::seconds(2);     // that are about to leave
    std::chrono::milliseconds refused = std::chrono::seconds(1);   // to clients that are dismissed
    std::chrono::milliseconds unread = std::chrono::seconds(3);    // for them to take answers
    std::chrono::milliseconds dismissed = std::chrono::seconds(5); // for them to be gone
    std::chrono::milliseconds lane = std::chrono::seconds(10);     // to let go of all connections
    std::chrono::milliseconds flush = std::chrono::seconds(30);    // of a LUN that nobody uses
};

// The clients of one LUN: accepted and negotiated with in turns of the loop, all at a time; then a
// connection lives on the lane until its client leaves.
//
//   start() → turns → close(), once
//
// A client counts as a user from the moment when it may know that it was let in, so that a logout
// cannot pass between its last word and its first request. A turn never waits for the lane: a
// connection is parted with by a message, and its end comes back as one.
class export_clients final : public std::enable_shared_from_this<export_clients>,
                             private export_loop::member {
  public:
    // More are closed at once, and so are all but the first where only descriptors are left that
    // sessions and commands need.
    static constexpr std::size_t most_clients = 16;

    // Where they are served, within which limits. All but the share outlives the clients that are
    // served; none: each connection has its own bound.
    struct surroundings {
        export_loop& loop;
        lane::lane& where;
        export_patience patience;
        std::shared_ptr<byte_share> share; // of all clients of the LUN
    };

    export_clients(surroundings around, disk_request what, nbd_export shown, export_socket socket);

    // All of these on any thread but the loop's. False: the loop has no room, errno says why.
    bool start();

    // Cuts off whoever is connected. Waits for the lane to let go of the connections, but not
    // without an end: it may do so later.
    void close();

    // Sees to it that nobody is let in any more, once nobody is connected. False: a client is
    // connected and did not leave in time; nothing has changed.
    bool close_to_others();

    void dismiss();
    bool was_used() const;
    void change(const scsi::logical_unit& properties, const nbd_export& shown);

  private:
    using clock = export_loop::clock;

    struct connection;

    struct negotiation {
        os::descriptor socket;
        nbd_handshake handshake;
        clock::time_point limit;
        std::vector<std::byte> output; // that the client has not taken yet
        bool is_served = false;        // counted; from the moment when the client may know of it
        bool over = false;
        std::uint32_t watched = 0; // the events that it waits for
    };

    enum class dismissal : std::uint8_t {
        none,
        asked,   // the loop does not know yet
        refused, // clients hear ESHUTDOWN
        ending,  // connections end as their requests do
        cut_off, // connections end as their requests do at the LUN
    };

    void turn() override;
    void arrange_next_turn();

    void accept_clients();
    void admit(os::descriptor socket);
    void negotiate(negotiation& with);
    void watch(negotiation& of);
    void forget_those_over();
    static void receive(negotiation& from);
    static void send(negotiation& to);
    void count(negotiation& fresh);
    void uncount();
    void hand_over(negotiation& from);
    std::shared_ptr<connection> make_connection(negotiation& from);

    void dismiss_clients();
    void refuse_clients();
    void end_connections();
    void cut_off_connections();
    void has_ended(const connection* which);
    void is_gone();
    void part_with(const std::shared_ptr<connection>& which);
    void say_goodbye();

    const surroundings around_;

    mutable std::mutex guard_; // of all until the next blank line
    std::condition_variable news_;
    disk_request what_;
    nbd_export shown_;
    std::size_t served_ = 0;  // clients that were let in and have not left
    std::size_t parting_ = 0; // connections that the lane has not let go of
    bool was_used_ = false;
    bool is_closing_ = false;
    bool is_closed_ = false;
    dismissal dismissal_ = dismissal::none;

    std::optional<export_socket> socket_;     // from here on: the loop's thread
    clock::time_point accept_at_{};           // not before: the system had no descriptors
    bool is_listening_ = true;                // the loop tells of clients
    std::optional<clock::time_point> end_at_; // of the time in which clients are refused
    std::list<negotiation> negotiations_;
    std::vector<std::shared_ptr<connection>> connections_;
};

} // namespace iscsid::disk
