#pragma once

#include "libiscsi/admin/messages.hpp"

namespace iscsi::cli {

// The session of the transcript that was recorded with open-iscsi 2.1.8.
inline admin::session_info golden_session() {
    admin::session_info session;
    session.sid = 5;
    session.node = {"iqn.2020-01.test:t1", "10.9.9.1", 3260, 1, "default"};
    session.current_address = "10.9.9.1";
    session.current_port = 3260;
    session.group_tag = 1;
    session.initiator_name = "iqn.2020-01.test:host";
    session.interface_address = "10.9.9.1";
    session.connection_state = "LOGGED IN";
    session.session_state = "LOGGED_IN";
    session.internal_state = "NO CHANGE";
    session.recovery_timeout = 120;
    session.target_reset_timeout = 30;
    session.lun_reset_timeout = 30;
    session.abort_timeout = 15;
    session.header_digest = session.data_digest = "None";
    session.max_recv_data_segment_length = 262144;
    session.max_xmit_data_segment_length = 8192;
    session.first_burst_length = 65536;
    session.max_burst_length = 262144;
    session.immediate_data = session.initial_r2t = true;
    session.max_outstanding_r2t = 1;
    session.host_number = 2;
    session.luns = {{0, "", "running"}, {1, "sda", "running"}, {2, "sdb", "running"}};
    return session;
}

} // namespace iscsi::cli
