#pragma once

#include "iscsid/disk/payload_memory.hpp"

#include <cstdint>
#include <vector>

namespace iscsid::disk {

// Which slots of a payload_memory have memory that no request has needed for a while. The first
// `kept` bytes of a slot stay: small requests, all that most disks ever see, then find their memory
// there and leave nothing to give back.
class payload_age {
  public:
    // How many calls of give_back() a slot's memory stays after its last use.
    static constexpr std::uint8_t ripe = 6;

    static constexpr std::size_t first_page = 4096; // the usual `kept`

    payload_age(const payload_memory& memory, std::uint32_t slots, std::size_t kept)
        : memory_(memory), kept_(kept), ages_(slots, none) {}

    // A request is to touch that much of the slot. True: it leaves something to give back.
    bool use(std::uint32_t slot, std::size_t length) {
        if (length <= kept_)
            return false;
        ages_[slot] = 0;
        return true;
    }

    // To be called at regular intervals. Gives back what has lain idle for `ripe` of them, at most
    // `most` bytes, which it lowers by that: to unmap 1 MiB takes the lane some 30 µs. `may_go` is
    // asked for each such slot right before its memory goes, and is never true for one that
    // somebody else may read or write. False: there is nothing left for a later call.
    template <class MayGo>
    bool give_back(std::size_t& most, MayGo may_go) {
        bool some_is_left = false;
        for (std::uint32_t slot = 0; slot < ages_.size(); ++slot) {
            if (ages_[slot] == none)
                continue;
            if (ages_[slot] < ripe)
                ++ages_[slot];
            else if (most >= memory_.stride() && may_go(slot))
                drop(slot, most);
            some_is_left = some_is_left || ages_[slot] != none;
        }
        return some_is_left;
    }

  private:
    static constexpr std::uint8_t none = 0xff; // no more than `kept` bytes are there

    void drop(std::uint32_t slot, std::size_t& most) {
        memory_.drop(slot, kept_);
        ages_[slot] = none;
        most -= memory_.stride();
    }

    const payload_memory& memory_;
    const std::size_t kept_;
    std::vector<std::uint8_t> ages_;
};

} // namespace iscsid::disk
