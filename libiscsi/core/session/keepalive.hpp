#pragma once

#include "libiscsi/core/parameters.hpp"

#include <optional>

namespace iscsi {

// When to ask a silent target whether it lives (NOP-Out, RFC 7143 §11.18), and when to stop
// believing. Any received byte is a sign of life: a busy connection is never asked.
class keepalive {
  public:
    enum class verdict : std::uint8_t { fine, ask, dead };

    // As they are at each time: an interval of 0 asks never, a timeout of 0 waits for ever.
    explicit keepalive(const session_timeouts& limits) : limits_(limits) {}

    void start(instant now) { heard(now); }

    void stop() { heard_.reset(); }

    void heard(instant now) {
        heard_ = now;
        asked_.reset();
    }

    std::optional<instant> deadline() const {
        if (!heard_ || !sends_nops(limits_))
            return std::nullopt;
        if (!asked_)
            return *heard_ + limits_.noop_out_interval;
        const auto patience = limits_.noop_out_timeout;
        return patience > duration::zero() ? std::optional(*asked_ + patience) : std::nullopt;
    }

    // `ask` counts as asked.
    verdict judge(instant now) {
        const auto at = deadline();
        if (!at || *at > now)
            return verdict::fine;
        if (asked_)
            return verdict::dead;
        asked_ = now;
        return verdict::ask;
    }

  private:
    const session_timeouts& limits_;
    std::optional<instant> heard_; // nothing: stopped
    std::optional<instant> asked_;
};

} // namespace iscsi
