#pragma once

#include "libiscsi/base/serial.hpp"

#include <cstdint>

namespace iscsi {

// A gap means that a response was lost, which TCP does not do: the target is at fault. An old one
// repeats what we have acknowledged.
enum class status_order : std::uint8_t { next, old, gap };

// StatSN of one connection (RFC 7143 §4.2.2.2). The first Login Response sets it.
// judge() before a response is believed, advance() when it has been taken.
class status_sequence {
  public:
    constexpr void restart() { known_ = false; }

    // What ExpStatSN of a request says; 0 as long as the target has sent nothing.
    constexpr std::uint32_t expected() const { return known_ ? expected_ : 0; }

    constexpr status_order judge(std::uint32_t status_sn) const {
        if (!known_ || status_sn == expected_)
            return status_order::next;
        return serial_before(status_sn, expected_) ? status_order::old : status_order::gap;
    }

    constexpr void advance(std::uint32_t status_sn) {
        expected_ = status_sn + 1;
        known_ = true;
    }

  private:
    std::uint32_t expected_ = 0;
    bool known_ = false;
};

} // namespace iscsi
