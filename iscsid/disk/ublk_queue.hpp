#pragma once

#include "iscsid/disk/flush_relay.hpp"
#include "iscsid/disk/kernel/ublk_abi.hpp"
#include "iscsid/disk/leaving.hpp"
#include "iscsid/disk/payload_age.hpp"
#include "iscsid/disk/payload_memory.hpp"
#include "iscsid/lane/lane.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <vector>

namespace iscsid::disk {

struct ublk_shape {
    std::uint16_t depth = 128;           // requests in flight, each with a buffer of its own
    std::uint32_t payload = 1024 * 1024; // bytes of the largest READ or WRITE

    // The kernel hands its requests to the ring's own task work (UBLK_F_URING_CMD_COMP_IN_TASK):
    // see give_back_memory().
    bool comes_by_ring = false;
};

// Which queue of its device it is, and how it has the others flush; the only one needs no relay.
struct ublk_place {
    std::uint16_t number = 0;
    std::shared_ptr<const flush_relay> relay{};
};

// A queue of a ublk device: takes the kernel's requests tag by tag, hands them to the LUN and
// commits their results. Takes part in the lane's thread; allocates everything in the constructor.
//
//   start(): a FETCH for each tag → ring_done(): the kernel has a request on it → the LUN →
//   complete() → COMMIT_AND_FETCH, which gives the result and asks for the next one
//
// STOP_DEV ends every FETCH with an error; then nothing of the queue is under way any more.
class ublk_queue final : public lane::lane_resident,
                         public flush_part,
                         private lane::ring_client,
                         private lane::request_owner {
  public:
    // `file` is the open /dev/ublkcN and `descriptors` the shared memory of this queue; both
    // outlive this object.
    ublk_queue(
        int file,
        const ublk::io_descriptor* descriptors,
        const ublk_shape& shape,
        bool encodes,
        ublk_place place = {}
    );

    // From here on the kernel may send requests. leave() ends when the device has been stopped.
    void start(lane::ring& io, lane::lun_port& port) override;
    void leave(std::function<void()> gone) override;

    // The kernel copies the payload of a WRITE into a slot before we hear of the request, so memory
    // is given back only where both ring and device let us know that none has been copied.
    // Elsewhere (Linux before 6.1; ublk that is built into one before 6.5) it stays until the disk
    // goes.
    bool give_back_memory(std::size_t& most) override;

    lane::fence_place fence() const override {
        return {place_.relay ? place_.relay->fence() : nullptr, place_.number};
    }

    // For a flush that came on another queue.
    void flush_own(std::function<void(int)> ended) override;

    // False from the moment on when the kernel has given a tag up: the device has been stopped, by
    // us or by somebody else. May be read on any thread, and outlives the queue.
    std::shared_ptr<const std::atomic<bool>> is_served() const { return is_served_; }

    // On the lane's thread: every request fails from now on, those that are at the LUN first. For
    // a device that does not come up: the kernel waits for its first requests without a limit.
    void fail_all();

  private:
    struct slot {
        enum class phase : std::uint8_t {
            ended,    // the kernel has given the tag up: it sends no request on it any more
            fetching, // a command of ours waits in the kernel for the next request on the tag
            at_lun,   // its request is under way; the buffer is the LUN's
        };

        phase now = phase::ended;
        bool given_up = false; // answered, but the LUN still has its buffer
        unsigned parts = 0;    // ends that are still to come: one, and more of a flush
        int error = 0;         // of the first part that failed
    };

    void ring_done(std::uint32_t tag, std::int32_t result) override;
    void complete(std::uint64_t tag, int error) override;

    void part_ended(std::uint32_t tag, int error);
    void part_for_another_ended(std::size_t which, int error);
    void serve(std::uint32_t tag);
    void submit(std::uint32_t tag, lane::operation op);
    void commit(std::uint32_t tag, int error);
    void command(ublk::io what, std::uint32_t tag, std::int32_t result);
    void leave_if_empty();
    bool is_free(std::uint32_t tag) const;
    std::uint64_t length_of(std::uint32_t tag) const;

    const int file_;
    const ublk::io_descriptor* const descriptors_;
    const ublk_shape shape_;
    const bool encodes_;
    const ublk_place place_;
    payload_memory memory_;
    payload_age age_;
    bool gives_back_ = false;
    std::vector<slot> slots_;
    std::vector<std::function<void(int)>> for_others_; // flushes under way; empty: a free place
    // Tags that the kernel or the LUN has, and flushes for other queues; a tag that is given up
    // counts twice, for both have it.
    std::uint32_t under_way_ = 0;
    lane::ring* io_ = nullptr;
    lane::lun_port* port_ = nullptr;
    std::shared_ptr<std::atomic<bool>> is_served_ = std::make_shared<std::atomic<bool>>(true);
    bool fails_ = false; // after fail_all(): there is no way back
    bool has_left_ = false;
    departure departure_;
};

} // namespace iscsid::disk
