#include "libiscsi/discovery/plan.hpp"

namespace iscsi::discovery {

std::vector<admin::node_id> bind_to_interfaces(
    const std::vector<admin::discovered_portal>& answer, const std::vector<std::string>& interfaces
) {
    std::vector<admin::node_id> found;
    std::set<admin::node_id> seen;
    for (const std::string& interface : interfaces)
        for (const admin::discovered_portal& portal : answer) {
            const admin::node_id id{
                portal.target, portal.address, portal.port, portal.group_tag, interface};
            if (seen.insert(id).second)
                found.push_back(id);
        }
    return found;
}

record_plan plan_records(
    const std::vector<admin::node_id>& found, const stored_records& stored, changes allowed
) {
    record_plan plan;
    if (!allowed.persistent)
        return plan;
    for (const admin::node_id& id : found) {
        const bool present = stored.present.contains(id);
        // Without -o existing records are written anew, as open-iscsi does it: what iscsid.conf
        // says now applies to them.
        if (present ? allowed.rewrite : allowed.add || allowed.rewrite)
            plan.write.push_back(id);
    }
    if (!allowed.remove_gone)
        return plan;
    // Only what this portal named before is removed; records of other portals and static ones are
    // none of its business.
    const std::set<admin::node_id> offered(found.begin(), found.end());
    for (const admin::node_id& id : stored.earlier)
        if (!offered.contains(id))
            plan.remove.push_back(id);
    return plan;
}

} // namespace iscsi::discovery
