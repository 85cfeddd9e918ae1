#pragma once

#include "libiscsi/core/session/unit.hpp"

#include <cstring>
#include <deque>
#include <unordered_map>

namespace iscsi {

// The logical units of a session, by LUN field. A unit never moves and is never removed: there are
// as many as its user has ever named.
class unit_set {
  public:
    unit& of(const lun_field& lun) {
        const auto [at, is_new] = places_.try_emplace(key_of(lun), nullptr);
        if (is_new)
            at->second = &units_.emplace_back(lun);
        return *at->second;
    }

    auto begin() { return units_.begin(); }

    auto end() { return units_.end(); }

  private:
    static std::uint64_t key_of(const lun_field& lun) {
        std::uint64_t key = 0;
        static_assert(sizeof key == sizeof lun);
        std::memcpy(&key, lun.data(), sizeof key);
        return key;
    }

    std::deque<unit> units_; // a deque: tasks point to them
    std::unordered_map<std::uint64_t, unit*> places_;
};

} // namespace iscsi
