#include "libiscsi/admin/record_id.hpp"

namespace iscsi::admin {

bool is_same_path(const node_id& one, const node_id& other) {
    return one.target == other.target && one.address == other.address && one.port == other.port &&
           one.interface == other.interface;
}

bool node_filter::matches(const node_id& id) const {
    return (!target || *target == id.target) && (!address || *address == id.address) &&
           (!port || *port == id.port) && (!group_tag || *group_tag == id.group_tag) &&
           (!interface || *interface == id.interface);
}

node_filter filter_for(const node_id& id) {
    return {id.target, id.address, id.port, id.group_tag, id.interface};
}

} // namespace iscsi::admin
