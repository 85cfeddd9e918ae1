#pragma once

#include "libiscsi/admin/record.hpp"

#include <gtest/gtest.h>

#include <string>

namespace iscsi::admin {

inline const std::string sample_target = "iqn.2020-01.test:t1";

inline void must_set(record& to, std::string_view name, std::string_view value) {
    const auto taken = to.set(name, value);
    ASSERT_TRUE(taken) << taken.error().text();
}

inline record node_of(const node_id& id) {
    record node(record_kind::node);
    must_set(node, "node.name", id.target);
    must_set(node, "node.conn[0].address", id.address);
    must_set(node, "node.conn[0].port", std::to_string(id.port));
    must_set(node, "node.tpgt", std::to_string(id.group_tag));
    must_set(node, "iface.iscsi_ifacename", id.interface);
    return node;
}

inline record
discovered_node(const node_id& id, std::string_view address, std::string_view port = "3260") {
    auto node = node_of(id);
    must_set(node, "node.discovery_address", address);
    must_set(node, "node.discovery_port", port);
    must_set(node, "node.discovery_type", "send_targets");
    return node;
}

inline record discovery_of(std::string_view address, std::string_view port = "3260") {
    record discovery(record_kind::send_targets);
    must_set(discovery, "discovery.sendtargets.address", address);
    must_set(discovery, "discovery.sendtargets.port", port);
    return discovery;
}

inline node_id sample_id(int group_tag = 1) {
    return {sample_target, "10.9.9.1", 3260, group_tag, "default"};
}

} // namespace iscsi::admin
