#pragma once

#include "iscsid/disk/fuse_answers.hpp"
#include "iscsid/disk/fuse_queues.hpp"
#include "iscsid/disk/fuse_requests.hpp"
#include "iscsid/disk/leaving.hpp"
#include "iscsid/disk/payload_age.hpp"
#include "iscsid/disk/payload_memory.hpp"
#include "iscsid/lane/lane.hpp"

#include <sys/uio.h>

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <vector>

namespace iscsid::disk {

// One LUN as the only file of a FUSE mount: the root inode itself. Reads the kernel's requests from
// /dev/fuse, turns them into requests to the LUN and writes the replies. Where shape, ring and
// kernel agree, requests come by io_uring (fuse_queues), and only what the kernel knows no other
// way for is read. Takes part in the lane's thread; allocates everything in the constructor.
//
// Life: start() when the descriptor is mounted; leave() at any time. When the kernel ends the
// connection (unmount, abort) no new request comes, and the file waits for leave(). With queues
// leave() ends when the connection has.
class fuse_file final : public lane::lane_resident,
                        private lane::ring_client,
                        private lane::request_owner {
  public:
    // `device` is an open, non-blocking /dev/fuse, which must outlive this object.
    // `reply_is_refused`: as of fuse_queues.
    fuse_file(
        int device,
        scsi::logical_unit lun,
        const fuse_shape& shape,
        std::function<void(int error)> reply_is_refused = {}
    );

    void start(lane::ring& io, lane::lun_port& port) override;
    void leave(std::function<void()> gone) override;
    bool give_back_memory(std::size_t& most) override;

    // On the lane's thread: the file has the size of the LUN as it is now.
    void resize(std::uint64_t block_count) { lun_.block_count = block_count; }

    // Whether the kernel hands out again what is not answered when the daemon ends. Any thread;
    // true only after INIT.
    bool can_resend() const { return can_resend_; }

    // Which way requests come, as far as they have: nullptr is the one of /dev/fuse. Any thread.
    const fuse_queues* queues() const { return queues_.get(); }

  private:
    // A request of the kernel on its way: from the read that waits for it to its reply.
    struct slot {
        enum class phase : std::uint8_t {
            idle,     // nobody has it
            reading,  // a read of /dev/fuse waits for the kernel's next request
            at_lun,   // its request is under way; the payload is the LUN's
            replying, // the reply is being written; the kernel forgets the request with it
        };

        phase now = phase::idle;
        bool is_present = false;     // fuse_shape::present
        std::byte* memory = nullptr; // write headers, then the payload on a page boundary
        fuse_in_header request{};
        std::size_t length = 0; // of the blocks that the LUN works on
        fuse_out_header reply{};
        std::array<std::byte, sizeof(fuse_attr_out)> answer{}; // the largest of the small answers
        std::array<iovec, 2> parts{};
    };

    void ring_done(std::uint32_t operation, std::int32_t result) override;
    void complete(std::uint64_t tag, int error) override;

    void wait_for_requests();
    void make_present(std::uint32_t index);
    void use(std::uint32_t index, std::size_t payload);
    void read_ended(std::uint32_t index, std::int32_t result);
    void reply_ended(std::uint32_t index, std::int32_t result);
    void release(std::uint32_t index);
    void leave_if_empty();

    void serve(std::uint32_t index, iscsi::bytes_view message);
    void serve_init(std::uint32_t index, iscsi::bytes_view body);
    void start_queues();
    void obey(std::uint32_t index, const fuse::verdict& given);
    void submit(std::uint32_t index, lane::block_request request);

    // Every request ends in one of these.
    void answer(std::uint32_t index, iscsi::bytes_view body = {}); // body is copied
    void refuse(std::uint32_t index, int error);                   // positive errno
    bool is_awaited();
    void reply(std::uint32_t index, iscsi::bytes_view body, int error);

    iscsi::mutable_bytes room_of(const slot& where) const;
    iscsi::mutable_bytes payload_of(const slot& where, std::size_t length) const;

    const int device_;
    scsi::logical_unit lun_;
    const fuse_shape shape_;
    const std::size_t payload_room_;
    payload_memory memory_;
    payload_age age_;
    std::vector<slot> slots_;
    idle_slots idle_;
    unsigned alone_ = 0;                  // replies to requests that were alone
    std::uint32_t reading_ = 0;           // slots in that phase
    std::unique_ptr<fuse_queues> queues_; // none: not wanted
    bool agreed_to_ring_ = false;         // in INIT

    lane::ring* io_ = nullptr;
    lane::lun_port* port_ = nullptr;
    std::atomic<bool> can_resend_{false};
    bool ended_ = false; // the kernel closed the connection, or leave() was called
    departure departure_;
};

} // namespace iscsid::disk
