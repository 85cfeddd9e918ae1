#pragma once

#include "libiscsi/core/pdu/digest.hpp"
#include "libiscsi/core/pdu/pdu.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace iscsi {

// What the outbox holds of one task. While `held` is not 0 its memory may be read by a send.
struct send_ledger {
    std::uint32_t held = 0;      // PDUs
    std::uint32_t sent = 0;      // bytes of data in PDUs that have left to their last byte
    std::uint32_t droppable = 0; // of `held`: Data-Out PDUs
    bool cancelled = false;      // Data-Out PDUs that have not begun to leave are dropped
};

struct payload {
    bytes_view data;               // stays in place as long as the ledger holds it
    send_ledger* ledger = nullptr; // none: the data outlives the connection, or there is none
    bool droppable = false;
    std::uint32_t task = reserved_tag; // whose PDU it is, told by left()
};

struct outgoing_digests {
    bool header = false;
    bool data = false;
};

// PDUs on their way out, on one connection. Headers stand in an arena, data stays with its owner:
// plan() is one gather list over both. While a plan is out, new PDUs wait for the next one.
class outbox {
  public:
    static constexpr std::size_t frames_for_work = 256;   // commands and Data-Out
    static constexpr std::size_t frames_for_control = 64; // the rest; bounded by its senders
    static constexpr std::size_t bytes_for_work = std::size_t{1024} * 1024;
    static constexpr std::size_t longest_plan = 256; // spans

    outbox();

    // Whether such a plan may have left something out, or no room for more to be pushed: then its
    // end lets more go at once. After any other nothing waits for that.
    static bool is_full(std::span<const bytes_view> plan);

    // A new stream: nothing is held, no digests.
    void restart();

    void adopt(outgoing_digests digests) { digests_ = digests; }

    // Whether another command or Data-Out may be pushed; other PDUs always may.
    bool has_room() const { return count_ < frames_for_work && unsent_ < bytes_for_work; }

    void push(const initiator_pdu& pdu, const payload& what = {});
    void push(const initiator_pdu& pdu, std::string text); // keeps the text itself

    // The task is answered: what has not begun to leave shall not.
    void cancel(send_ledger& ledger);

    std::span<const bytes_view> plan();

    // Bytes that have ever been pushed.
    std::uint64_t pushed() const { return pushed_; }

    bool plan_is_out() const { return planned_ > 0; }

    // n bytes of the plan have left, which ends it; a PDU that is cut goes on in the next one.
    void sent(std::size_t n);

    // The tasks whose PDUs have left to their last byte with the last sent(), one entry a PDU.
    std::span<const std::uint32_t> left() const { return left_; }

    // The transport is gone. What was in the plan counts as sent: nobody knows better.
    void abandon();

  private:
    struct frame {
        std::array<std::byte, bhs_size + digest_size_on_wire> header{};
        std::array<std::byte, 3 + digest_size_on_wire> trailer{}; // padding and data digest
        std::uint8_t header_size = 0;                             // 0: dropped
        std::uint8_t trailer_size = 0;
        bool droppable = false;
        bytes_view data;
        std::string text;
        send_ledger* ledger = nullptr;
        std::uint32_t task = reserved_tag;

        std::size_t size() const { return header_size + data.size() + trailer_size; }
    };

    frame& at(std::size_t place) { return frames_[(first_ + place) % frames_.size()]; }

    frame& next_frame();
    void write(frame& to, const initiator_pdu& pdu);
    void close_header(frame& to) const;
    void close_data(frame& to) const;
    void append(const frame& what, std::size_t skip);
    void remove_left();
    void drop_cancelled();
    void release(frame& what, bool has_left);

    std::vector<frame> frames_;
    std::size_t first_ = 0;
    std::size_t count_ = 0;
    std::size_t unsent_ = 0;  // bytes of all frames
    std::size_t cut_ = 0;     // bytes of the first frame that have left
    std::size_t planned_ = 0; // frames in the plan that is out
    std::uint64_t pushed_ = 0;
    bool some_cancelled_ = false;
    outgoing_digests digests_;
    std::vector<bytes_view> plan_;
    std::vector<std::uint32_t> left_;
};

} // namespace iscsi
