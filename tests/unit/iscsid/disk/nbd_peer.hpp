#pragma once

#include "iscsid/disk/nbd_link.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace test {

using namespace iscsid;
using bytes = std::vector<std::byte>;

inline bytes nbd_request(
    unsigned type,
    std::uint64_t cookie,
    std::uint64_t offset = 0,
    std::uint32_t length = 0,
    unsigned flags = 0
) {
    bytes header(disk::nbd::request_size);
    iscsi::store_be32(&header[0], 0x25609513);
    iscsi::store_be16(&header[4], static_cast<std::uint16_t>(flags));
    iscsi::store_be16(&header[6], static_cast<std::uint16_t>(type));
    iscsi::store_be64(&header[8], cookie);
    iscsi::store_be64(&header[16], offset);
    iscsi::store_be32(&header[24], length);
    return header;
}

inline bytes pattern(std::size_t length, unsigned seed = 1) {
    bytes data(length);
    for (std::size_t at = 0; at < length; ++at)
        data[at] = static_cast<std::byte>((at * 7 + seed) % 251);
    return data;
}

inline bytes joined(std::initializer_list<bytes> parts) {
    bytes all;
    for (const bytes& each : parts)
        all.insert(all.end(), each.begin(), each.end());
    return all;
}

// A client's side of one connection as a ring: what it sends waits until the link receives, what
// the link sends leaves when the test takes it.
class nbd_peer final : public lane::ring {
  public:
    // One segment; what the link does not ask for now stays unread.
    void send(iscsi::bytes_view what) {
        unread_.insert(unread_.end(), what.begin(), what.end());
        while (!unread_.empty() && receive_ && !receive_->cancelled)
            deliver();
    }

    // The link's send takes at most so many bytes. False: it sends nothing.
    bool take(std::size_t most = ~std::size_t{0}) {
        if (!send_ || send_->cancelled)
            return false;
        const operation now = *std::exchange(send_, std::nullopt);
        const std::size_t before = taken.size();
        for (const iovec& part : now.parts) {
            const auto* begin = static_cast<const std::byte*>(part.iov_base);
            const auto count = std::min(part.iov_len, most - (taken.size() - before));
            taken.insert(taken.end(), begin, begin + count);
        }
        now.who->ring_done(now.op, static_cast<std::int32_t>(taken.size() - before));
        while (!unread_.empty() && receive_ && !receive_->cancelled)
            deliver();
        return true;
    }

    void take_all(std::size_t at_a_time = ~std::size_t{0}) {
        while (take(at_a_time))
            ;
    }

    void end_receive(std::int32_t result) { end(receive_, result); }

    void end_send(std::int32_t result) { end(send_, result); }

    // What was cancelled ends, one way or the other.
    void finish_cancelled(std::int32_t result = -ECANCELED) {
        if (receive_ && receive_->cancelled)
            end(receive_, result);
        if (send_ && send_->cancelled)
            end(send_, result);
    }

    bool receives() const { return receive_.has_value(); }

    bool sends() const { return send_.has_value(); }

    std::size_t parts_of_send() const { return send_->parts.size(); }

    std::span<const iovec> parts_of_receive() const { return receive_->parts; }

    std::size_t unread() const { return unread_.size(); }

    bytes taken; // of the link's replies

    void receive_vector(int, std::span<const iovec> into, lane::ring_client& who, std::uint32_t op)
        override {
        start(receive_, into, who, op);
    }

    void send_vector(
        int, std::span<const iovec> from, lane::ring_client& who, std::uint32_t op, lane::ending
    ) override {
        start(send_, from, who, op);
    }

    void cancel(lane::ring_client& /*who*/, std::uint32_t op) override {
        for (auto* each : {&receive_, &send_})
            if (*each && (*each)->op == op)
                (*each)->cancelled = true;
    }

    void read(int, iscsi::mutable_bytes, lane::ring_client&, std::uint32_t) override {}

    void write_vector(int, std::span<const iovec>, lane::ring_client&, std::uint32_t, lane::ending)
        override {}

    void command(int, std::uint32_t, const lane::command_field&, lane::ring_client&, std::uint32_t)
        override {}

    void turn(std::optional<iscsi::instant>) override {}

    void hurry() override {}

    std::uint64_t system_calls() const override { return 0; }

    std::string_view name() const override { return "nbd_peer"; }

    unsigned started_twice = 0; // an operation while the same was under way

  private:
    struct operation {
        std::span<const iovec> parts;
        lane::ring_client* who;
        std::uint32_t op;
        bool cancelled = false;
    };

    void start(
        std::optional<operation>& which,
        std::span<const iovec> parts,
        lane::ring_client& who,
        std::uint32_t op
    ) {
        started_twice += which ? 1U : 0U;
        which = operation{parts, &who, op};
    }

    static void end(std::optional<operation>& which, std::int32_t result) {
        const operation now = *std::exchange(which, std::nullopt);
        now.who->ring_done(now.op, result);
    }

    void deliver() {
        const operation now = *std::exchange(receive_, std::nullopt);
        std::size_t given = 0;
        for (const iovec& part : now.parts) {
            const auto count = std::min(part.iov_len, unread_.size() - given);
            if (count > 0)
                std::memcpy(part.iov_base, unread_.data() + given, count);
            given += count;
        }
        unread_.erase(unread_.begin(), unread_.begin() + static_cast<std::ptrdiff_t>(given));
        now.who->ring_done(now.op, static_cast<std::int32_t>(given));
    }

    std::optional<operation> receive_;
    std::optional<operation> send_;
    bytes unread_;
};

struct nbd_answer {
    std::uint32_t error = 0;
    bytes data;
};

// Reads simple replies. `lengths`: what READs asked for. A second reply to a cookie, or anything
// that is no whole reply, makes `is_sound` false.
struct nbd_answers {
    nbd_answers(iscsi::bytes_view from, const std::map<std::uint64_t, std::uint32_t>& lengths) {
        while (from.size() >= 16 && iscsi::load_be32(from.data()) == 0x67446698) {
            const auto error = iscsi::load_be32(from.data() + 4);
            const auto cookie = iscsi::load_be64(from.data() + 8);
            from = from.subspan(16);
            const auto asked = lengths.find(cookie);
            const std::size_t length = error == 0 && asked != lengths.end() ? asked->second : 0;
            if (from.size() < length)
                break;
            const auto data = from.first(length);
            is_sound &= all.emplace(cookie, nbd_answer{error, {data.begin(), data.end()}}).second;
            from = from.subspan(length);
        }
        is_sound &= from.empty();
    }

    std::map<std::uint64_t, nbd_answer> all;
    bool is_sound = true;
};

} // namespace test
