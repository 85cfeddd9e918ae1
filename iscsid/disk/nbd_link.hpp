#pragma once

#include "iscsid/disk/byte_budget.hpp"
#include "iscsid/disk/leaving.hpp"
#include "iscsid/disk/nbd_wire.hpp"
#include "iscsid/disk/payload_age.hpp"
#include "iscsid/disk/payload_memory.hpp"
#include "iscsid/lane/lane.hpp"

#include <sys/uio.h>

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace iscsid::disk {

struct nbd_shape {
    std::uint32_t slots = 128;           // requests in flight, as many as the kernel's client has
    std::uint32_t payload = 1024 * 1024; // bytes of a request that need no memory of their own
    bool structured_replies = false;     // as negotiated

    // Bytes of payload under way at a time; with more the client is not read from. One request that
    // is alone may have more.
    std::size_t most_bytes = std::size_t{64} * 1024 * 1024;
};

// One connection of an NBD client in its transmission phase: requests come in on the socket, go to
// the LUN, and their replies leave in whatever order they end. Takes part in the lane's thread;
// allocates everything in the constructor, but for requests above `payload`.
//
//   lane::attach() → start() → requests → the client goes, or leave() → gone
//
// At most one receive and one send are under way. A client that goes has its requests ended at the
// LUN nevertheless: nothing takes them back.
class nbd_link final : public lane::lane_resident,
                       private lane::ring_client,
                       private lane::request_owner,
                       private byte_budget::client {
  public:
    // `socket` must outlive this object. `ended` is called on the lane's thread, once, when the
    // client has gone or broken the protocol; it must only hand over. `head`: what has been
    // received of this phase already. `share`: of the links of the LUN, but one request of up to
    // nbd_shape::payload bytes that is alone needs no room in it; none: only most_bytes counts.
    nbd_link(
        int socket,
        const nbd_shape& shape,
        std::function<void()> ended = {},
        iscsi::bytes_view head = {},
        std::shared_ptr<byte_share> share = {}
    );

    void start(lane::ring& io, lane::lun_port& port) override;
    void leave(std::function<void()> gone) override;
    bool give_back_memory(std::size_t& most) override;

    // On the lane's thread: requests that come from now on end with ESHUTDOWN, which tells the
    // client to disconnect; those under way end as ever.
    void refuse_requests() { refuses_ = true; }

    // On the lane's thread: no more is received, and the connection ends with the last request that
    // is under way.
    void end_when_idle();

    // On the lane's thread: as above, but for a client that does not read: the connection ends with
    // the last answer of the LUN, and what has not left by then is lost with it.
    void end_when_served();

  private:
    static constexpr std::uint32_t nobody = 0xffff'ffff; // instead of the number of a slot

    // A request from its header to the end of the send of its reply.
    struct slot {
        nbd::request asked;                  // as it came; its cookie goes into the reply
        std::optional<payload_memory> large; // when the payload is above the shape's
        iscsi::mutable_bytes payload;        // in `large` or in the link's memory; empty: none
        std::size_t charged = 0;             // bytes of the share
        int error = 0;                       // positive errno of the reply
        bool taken = false;                  // a request has it
        bool flushes = false;                // the blocks are zeroed; what FUA wants is under way
        std::array<std::byte, nbd::longest_reply_header> header{};
    };

    enum io_number : std::uint32_t { receiving, sending };

    void ring_done(std::uint32_t operation, std::int32_t result) override;
    void complete(std::uint64_t tag, int error) override;
    void room_again() override;

    void received(std::int32_t result);
    void take_requests();
    bool take_one();
    void take_payload();
    void start_receive();
    std::size_t memory_of(const nbd::request& asked) const;
    bool charge(std::size_t bytes);
    bool begin(const nbd::request& asked, std::size_t charged);
    bool make_room(std::uint32_t index, std::size_t length);
    void serve(std::uint32_t index);
    void submit(std::uint32_t index, lane::operation op);

    void reply(std::uint32_t index, int error);
    void start_send();
    void add_to_send(std::uint32_t index);
    void sent(std::int32_t result);
    void send_rest(std::size_t gone_of_first);
    lane::ending end_of_send() const;
    void release(std::uint32_t index);
    void end();
    bool has_done_all() const;
    bool has_served_all() const;
    void forget_filling();
    void leave_if_empty();

    const int socket_;
    const nbd_shape shape_;
    std::function<void()> on_end_;
    const std::shared_ptr<byte_share> share_;
    payload_memory memory_;
    payload_age age_;
    std::vector<slot> slots_;
    idle_slots idle_;
    std::vector<std::byte> staging_; // headers, and the begin of payloads that follow them
    std::size_t staged_begin_ = 0;   // what has been received and not yet taken lies between
    std::size_t staged_end_ = 0;
    std::uint32_t filling_ = nobody; // the WRITE whose payload comes in
    std::size_t filled_ = 0;         // bytes of it that are there
    std::array<iovec, 2> receive_vector_{};
    bool receive_under_way_ = false;
    std::size_t charged_ = 0;     // bytes of payload under way
    bool waits_for_room_ = false; // the next request, which is staged

    std::vector<std::uint32_t> ready_;   // replies that wait for the send under way
    std::vector<std::uint32_t> leaving_; // replies of the send under way
    std::vector<iovec> send_vector_;
    std::size_t send_at_ = 0; // the first part that has not left whole
    bool send_under_way_ = false;

    lane::ring* io_ = nullptr;
    lane::lun_port* port_ = nullptr;
    bool disconnecting_ = false; // no more requests are taken: the client, or we, have said so
    bool refuses_ = false;       // with ESHUTDOWN what comes
    bool waits_for_lun_ = false; // and no longer for the client, to end
    bool ended_ = false;         // nothing is received or sent any more; requests at the LUN end
    departure departure_;
};

} // namespace iscsid::disk
