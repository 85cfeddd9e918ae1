#pragma once

#include "libiscsi/base/bytes.hpp"
#include "libiscsi/core/parameters.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace iscsi::test {

// One direction of a virtual wire. Without a rate bytes are there at once; with one they leave in
// small pieces, one after another, and wait before it in a buffer as a socket has it.
class wire {
  public:
    static constexpr std::size_t usual_buffer = 256 * 1024;

    void set_rate(std::uint64_t bytes_per_second, std::size_t buffer = usual_buffer) {
        rate_ = bytes_per_second;
        buffer_ = buffer;
    }

    // How many bytes may be put in now.
    std::size_t room() const {
        if (rate_ == 0)
            return SIZE_MAX;
        return buffer_ - std::min(buffer_, waiting_.size() - begin_);
    }

    void put(bytes_view bytes) { waiting_.insert(waiting_.end(), bytes.begin(), bytes.end()); }

    // What has arrived, at most that much.
    std::vector<std::byte> take(instant now, std::size_t most) {
        if (rate_ == 0)
            return front(most);
        if (!on_wire_.empty() && arrival_ <= now)
            return std::exchange(on_wire_, {});
        begin_piece(now);
        return {};
    }

    // The receiver had no use for these yet.
    void put_back(bytes_view bytes, instant now) {
        auto& to = rate_ == 0 ? waiting_ : on_wire_;
        const auto where = rate_ == 0 ? static_cast<std::ptrdiff_t>(begin_) : std::ptrdiff_t{0};
        to.insert(to.begin() + where, bytes.begin(), bytes.end());
        arrival_ = now;
    }

    std::optional<instant> next_arrival() const {
        return on_wire_.empty() ? std::nullopt : std::optional(arrival_);
    }

    bool is_empty() const { return on_wire_.empty() && waiting_.size() == begin_; }

    void cut() {
        waiting_.clear();
        on_wire_.clear();
        begin_ = 0;
    }

  private:
    static constexpr std::size_t piece_size = 16 * 1024;

    std::vector<std::byte> front(std::size_t most) {
        const auto length = std::min(waiting_.size() - begin_, most);
        const auto from = waiting_.begin() + static_cast<std::ptrdiff_t>(begin_);
        std::vector<std::byte> bytes(from, from + static_cast<std::ptrdiff_t>(length));
        begin_ += length;
        if (begin_ == waiting_.size() || begin_ > usual_buffer) { // seldom, for it moves the rest
            waiting_.erase(
                waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(begin_)
            );
            begin_ = 0;
        }
        return bytes;
    }

    void begin_piece(instant now) {
        if (!on_wire_.empty())
            return;
        on_wire_ = front(piece_size);
        const auto time = std::chrono::nanoseconds(on_wire_.size() * 1'000'000'000ULL / rate_);
        free_at_ = std::max(free_at_, now) + time;
        arrival_ = free_at_;
    }

    std::uint64_t rate_ = 0;
    std::size_t buffer_ = usual_buffer;
    std::vector<std::byte> waiting_;
    std::size_t begin_ = 0; // what stands before it has left
    std::vector<std::byte> on_wire_;
    instant arrival_{};
    instant free_at_{};
};

} // namespace iscsi::test
