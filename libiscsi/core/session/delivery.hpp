#pragma once

#include "libiscsi/core/parameters.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>

namespace iscsi {

// Which bytes of the stream have provably arrived, and how many more may be on their way: what the
// link carries in half a second. A socket takes megabytes in no time and says nothing of how far
// they are; NOPs behind them must come through while they wait there. The proof is an answer: to
// a command, or to a NOP-Out that is sent after each half of what may be on its way.
//
// Places are counted in bytes from the session's first one.
class delivery {
  public:
    // `probes`: whether NOPs may be sent; without them there is no bound.
    explicit delivery(bool probes) : probes_(probes) {}

    // The same from now on.
    void use(bool probes) {
        if (probes == probes_)
            return;
        probes_ = is_bounded_ = probes;
        probe_.reset();
    }

    void restart(std::uint64_t place) {
        confirmed_ = place;
        limit_ = at_first;
        probe_.reset();
        is_bounded_ = probes_;
    }

    void confirm(std::uint64_t place) { confirmed_ = std::max(confirmed_, place); }

    bool has_room(std::uint64_t pushed, instant now) {
        if (probe_ && now - probe_->at > longest_answer)
            is_bounded_ = false; // it does not answer NOPs, though it lives
        return !is_bounded_ || pushed - confirmed_ < limit_;
    }

    bool wants_probe(std::uint64_t pushed) const {
        return is_bounded_ && !probe_ && pushed - confirmed_ >= limit_ / 2;
    }

    void probe_sent(std::uint32_t tag, std::uint64_t pushed, instant now) {
        if (!probe_)
            probe_ = {tag, pushed, confirmed_, now};
    }

    void probe_answered(std::uint32_t tag, instant now) {
        if (!probe_ || probe_->tag != tag)
            return;
        const std::chrono::duration<double> time = now - probe_->at;
        const auto bytes = static_cast<double>(probe_->place - probe_->confirmed);
        const auto rate = std::min(fastest, bytes / std::max(time.count(), 1e-9));
        limit_ = std::max(least, static_cast<std::uint64_t>(rate * horizon));
        confirm(probe_->place);
        probe_.reset();
    }

    // No PDU should be longer than this.
    std::uint32_t longest_piece() const {
        return is_bounded_ ? static_cast<std::uint32_t>(std::min<std::uint64_t>(limit_, UINT32_MAX))
                           : UINT32_MAX;
    }

  private:
    static constexpr std::uint64_t at_first = std::uint64_t{256} * 1024;
    static constexpr std::uint64_t least = std::uint64_t{64} * 1024;
    static constexpr double horizon = 0.5;  // seconds
    static constexpr double fastest = 1e12; // bytes a second
    static constexpr auto longest_answer = std::chrono::seconds(10);

    struct probe {
        std::uint32_t tag = 0;
        std::uint64_t place = 0;
        std::uint64_t confirmed = 0; // when it was sent
        instant at{};
    };

    bool probes_;
    bool is_bounded_ = false;
    std::uint64_t confirmed_ = 0;
    std::uint64_t limit_ = at_first;
    std::optional<probe> probe_;
};

} // namespace iscsi
