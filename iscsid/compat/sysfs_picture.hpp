#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

// What the tree shows, in the words of the kernel's iSCSI initiator. Values only.
namespace iscsid::compat {

struct lun_picture {
    std::uint64_t number = 0; // as Linux counts
    std::string node;         // under /dev
    bool is_offline = false;
    std::string vendor, product, revision;
    std::string wwid; // as scsi_id prints it

    friend bool operator==(const lun_picture&, const lun_picture&) = default;
};

// A session, which has a SCSI host of its own. Secrets are not in it.
struct session_picture {
    std::uint32_t sid = 0;
    std::uint32_t host = 0;
    std::string target;
    int group_tag = -1;
    std::string interface;
    std::string net_device;       // "": any
    std::string hardware_address; // the same
    std::string initiator;
    std::string username;    // of CHAP; "": none
    std::string username_in; // of the target
    std::string address;     // where the connection leads
    std::uint16_t port = 0;
    std::string persistent_address; // of the record
    std::uint16_t persistent_port = 0;
    std::string local_address;
    std::chrono::seconds recovery{};
    bool is_up = false;
    std::vector<lun_picture> luns; // those that are block devices

    friend bool operator==(const session_picture&, const session_picture&) = default;
};

} // namespace iscsid::compat
