#pragma once

#include "libiscsi/core/session/unit.hpp"

#include <array>
#include <cstring>
#include <deque>
#include <unordered_map>
#include <utility>

namespace iscsi {

// The two units that something was last true of, to tell whether it was true of another one.
class recent_units {
  public:
    void note(const unit& which, instant now) {
        if (last_[0].which != &which)
            last_[1] = std::exchange(last_[0], {&which, now});
        last_[0].at = now;
    }

    bool has_other(const unit& than, instant since) const {
        return is_other(last_[0], than, since) || is_other(last_[1], than, since);
    }

    void clear() { last_ = {}; }

  private:
    struct entry {
        const unit* which = nullptr;
        instant at{};
    };

    static bool is_other(const entry& each, const unit& than, instant since) {
        return each.which != nullptr && each.which != &than && each.at >= since;
    }

    std::array<entry, 2> last_;
};

// The logical units of a session, by LUN field. A unit never moves and is never removed: there are
// as many as its user has ever named.
class unit_set {
  public:
    unit& of(const lun_field& lun) {
        const auto [at, is_new] = places_.try_emplace(key_of(lun), nullptr);
        if (is_new)
            at->second = &units_.emplace_back(lun, units_.size());
        return *at->second;
    }

    auto begin() { return units_.begin(); }

    auto end() { return units_.end(); }

    std::size_t size() const { return units_.size(); }

    recent_units answering; // the target has answered a command of them

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
