#pragma once

#include "iscsid/disk/fuse_answers.hpp"
#include "iscsid/disk/fuse_requests.hpp"
#include "iscsid/disk/payload_age.hpp"
#include "iscsid/disk/payload_memory.hpp"
#include "iscsid/lane/request.hpp"
#include "iscsid/lane/ring.hpp"

#include <sys/uio.h>

#include <array>
#include <atomic>
#include <functional>
#include <vector>

namespace iscsid::disk {

// The requests of a FUSE connection that come by io_uring: a queue for each processor, each with
// entries that wait in the kernel for a request. Part of a fuse_file, on the lane's thread;
// allocates everything in the constructor.
//
//   start(): each entry is entered → ring_done(): the kernel has put a request into it → the LUN →
//   complete() → COMMIT_AND_FETCH, which gives the reply and waits for the next request
//
// The kernel uses the queues when each has an entry. When it refuses one it goes on to hand its
// requests out at /dev/fuse. No entry can be taken back: all end with the connection.
class fuse_queues final : private lane::ring_client, private lane::request_owner {
  public:
    struct listener {
        std::function<void()> memory_is_used; // lane_resident::used_memory()
        std::function<void()> one_has_ended;  // the last act: it may destroy this object

        // The kernel will not take a reply, for that errno: its request waits until the connection
        // ends. Told once.
        std::function<void(int error)> reply_is_refused{};
    };

    // `device`: as of fuse_file; it and `lun` outlive this object. `shape` has at least one entry.
    fuse_queues(int device, const scsi::logical_unit& lun, const fuse_shape& shape, listener tell);

    // After the INIT that agrees to it; the ring takes wide commands.
    void start(lane::ring& io, lane::lun_port& port);

    // From now on new requests end with ENODEV.
    void refuse_requests() { refuses_ = true; }

    // Neither the kernel nor the LUN has anything of it.
    bool are_empty() const { return under_way_ == 0; }

    // As lane_resident's. The kernel copies the payload of a WRITE before we hear of the request,
    // so that takes a moment when none can have been (ring::settle_commands()).
    bool give_back_memory(std::size_t& most);

    // Whether a request has come, and the errno of the first entry that was refused (0: none). Any
    // thread.
    bool are_used() const { return are_used_; }

    int refusal() const { return refusal_; }

  private:
    struct entry {
        enum class phase : std::uint8_t {
            ended,    // the kernel does not have it, or no longer
            fetching, // a command waits in the kernel for the next request
            at_lun,   // its request is under way; the payload is the LUN's
        };

        phase now = phase::ended;
        bool was_entered = false; // the kernel has put a request into it
        unsigned repeats = 0;     // of its commit
        fuse::ring_headers headers;
        std::array<iovec, 2> buffers{};
        fuse_in_header request{};
        std::size_t length = 0; // of the blocks that the LUN works on
    };

    void ring_done(std::uint32_t index, std::int32_t result) override;
    void complete(std::uint64_t tag, int error) override;

    void serve(std::uint32_t index);
    void touch(std::uint32_t index, std::size_t length);
    void obey(std::uint32_t index, const fuse::verdict& given);
    void submit(std::uint32_t index, lane::block_request request);
    void answer(std::uint32_t index, iscsi::bytes_view bytes); // they are copied
    void commit(std::uint32_t index, std::size_t size, int error);
    void command(fuse::ring_command what, std::uint32_t index);
    void refuse_reply(int error);
    void end(std::uint32_t index, std::int32_t result);

    const int device_;
    const scsi::logical_unit& lun_;
    const fuse_shape shape_;
    payload_memory memory_;
    payload_age age_;
    std::vector<entry> entries_; // those of a queue side by side; they do not move
    const listener tell_;

    lane::ring* io_ = nullptr;
    lane::lun_port* port_ = nullptr;
    bool gives_back_ = false;
    bool refuses_ = false;
    bool reply_was_refused_ = false;
    std::uint32_t under_way_ = 0; // entries that have not ended
    std::atomic<bool> are_used_{false};
    std::atomic<int> refusal_{0};
};

} // namespace iscsid::disk
