#pragma once

#include "iscsiadm/ipc/client.hpp"

#include "libiscsi/admin/record_store.hpp"

namespace iscsi::cli {

// What exists. Neither is owned; a store that cannot be read and a daemon that does not answer have
// nothing to offer.
struct completion_sources {
    const admin::record_store& store;
    daemon_client& daemon;
};

} // namespace iscsi::cli
