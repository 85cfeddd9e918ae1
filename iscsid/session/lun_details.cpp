#include "iscsid/session/lun_details.hpp"

#include "libiscsi/scsi/inquiry.hpp"
#include "libiscsi/scsi/lun.hpp"

#include <fmt/format.h>

#include <map>
#include <utility>

namespace iscsid::session {

namespace {

using by_number = std::map<std::uint64_t, lun_details>;

lun_details of_disk(const device::disk_state& state, lun_state is) {
    lun_details details;
    details.number = state.lun_number;
    details.kind = scsi::name_of_device_type(scsi::direct_access_device);
    details.properties = state.properties;
    details.is = is;
    details.node = state.node;
    details.has_disk = true;
    return details;
}

// Without what a look says.
by_number disks_of(const known_luns& known) {
    by_number all;
    for (const auto& each : known.left)
        all[each.lun_number] = of_disk(each, lun_state::waiting);
    for (const auto& each : known.disks) {
        const auto is = each.is_failed ? lun_state::offline : lun_state::running;
        auto& details = all[each.state.lun_number] = of_disk(each.state, is);
        if (!each.is_lost())
            continue;
        details.is = lun_state::lost;
        details.why = fmt::format("somebody has taken {} away", each.state.node);
        details.node.clear();
    }
    return all;
}

lun_state state_without_disk(device::unit_kind found, bool is_detached) {
    switch (found) {
    case device::unit_kind::disk:
        return is_detached ? lun_state::detached : lun_state::no_disk;
    case device::unit_kind::no_disk:
    case device::unit_kind::unusable:
        return lun_state::unusable;
    case device::unit_kind::no_answer:
        break;
    }
    return lun_state::no_answer;
}

// Of a disk only an answer that is missing is news here; what else differs the next look follows.
void add(const device::probed_lun& seen, bool is_detached, lun_details& to) {
    const auto found = seen.what.is;
    if (found == device::unit_kind::disk || !to.has_disk) {
        to.properties = seen.properties;
        to.kind = seen.kind;
    }
    if (to.is == lun_state::lost)
        return;
    if (!to.has_disk)
        to.is = state_without_disk(found, is_detached);
    else if (found == device::unit_kind::no_answer)
        to.is = lun_state::no_answer;
    else if (found != device::unit_kind::disk)
        to.is = lun_state::offline;
    to.why = seen.what.why;
}

std::vector<lun_details> values_of(by_number&& all) {
    std::vector<lun_details> list;
    list.reserve(all.size());
    for (auto& [number, each] : all)
        list.push_back(std::move(each));
    return list;
}

} // namespace

std::vector<lun_details> details_of(const device::survey_result& seen, const known_luns& known) {
    const device::probed_lun not_asked{
        {device::unit_kind::no_answer, "not asked, the time was over"}, false, {}, {}, {}};
    auto all = disks_of(known);
    std::set<std::uint64_t> listed;
    for (const auto& each : seen.luns) {
        if (seen.is_vain_guess(each))
            continue;
        const auto number = scsi::lun_number(each.lun);
        auto& details = all[number];
        details.number = number;
        listed.insert(number);
        add(each.probed ? *each.probed : not_asked, known.detached.contains(number), details);
    }
    for (auto& [number, each] : all)
        if (!listed.contains(number))
            each.why = "the target does not list it";
    return values_of(std::move(all));
}

std::vector<lun_details> details_of(const known_luns& known) {
    return values_of(disks_of(known));
}

} // namespace iscsid::session
