#pragma once

#include "libiscsi/core/session/task.hpp"

#include <algorithm>
#include <vector>

namespace iscsi {

// Logical units where a write may still be running that was not answered before its connection was
// lost. The target should have ended it (RFC 7143 §6.3.5); not every target does.
class unsettled_units {
  public:
    void lost(const task& what) {
        if (may_change_medium(what.what))
            add(what.what.lun);
    }

    void add(const lun_field& lun) {
        if (!contains(lun))
            units_.push_back(lun);
    }

    void settle(const lun_field& lun) {
        units_.erase(std::remove(units_.begin(), units_.end(), lun), units_.end());
    }

    void settle_all() { units_.clear(); }

    bool empty() const { return units_.empty(); }

    const std::vector<lun_field>& all() const { return units_; }

  private:
    // Operation codes without data to write that leave the medium as it is (SPC-5, SBC-4).
    static bool may_change_medium(const command& what) {
        switch (std::to_integer<unsigned>(what.cdb[0])) {
        case 0x00: // TEST UNIT READY
        case 0x35: // SYNCHRONIZE CACHE (10)
        case 0x91: // SYNCHRONIZE CACHE (16)
            return false;
        default:
            return what.data_in.empty();
        }
    }

    bool contains(const lun_field& lun) const {
        return std::find(units_.begin(), units_.end(), lun) != units_.end();
    }

    std::vector<lun_field> units_;
};

} // namespace iscsi
