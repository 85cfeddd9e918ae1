#pragma once

#include "libiscsi/base/result.hpp"
#include "libiscsi/core/pdu/pdu.hpp"
#include "libiscsi/scsi/logical_unit.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace iscsid::device {

// One disk of one session, as much as a new daemon must know to take it over.
// Everything that cannot be asked of the kernel or the target again. A member that is added needs
// another version of the file, and a reader for the old one.
struct disk_state {
    std::uint32_t sid = 0; // session number that iscsiadm shows, from 1
    unsigned index = 0;    // which of the node's sessions, from 0: the ISID follows from it

    // The node record: the words of its id.
    std::string target;
    std::string portal_address;
    std::uint16_t portal_port = 3260;
    int portal_group_tag = -1; // -1: not known
    std::string interface = "default";

    std::string peer_address; // where its connection led last, for when no name can be resolved

    std::string isid; // 12 hexadecimal digits

    std::string driver; // "ublk"
    std::string node;   // its name under /dev: "ublkb0"
    std::uint64_t nonce =
        0;               // disk_request::nonce; 0: the device has none, as before there were such
    std::string boot_id; // of the kernel that has the device; "": not known
    bool ends_with_daemon = false; // though its driver's do not: such a state is not saved

    iscsi::lun_field lun{};
    std::uint64_t lun_number = 0; // the same as Linux counts
    scsi::logical_unit properties;
};

// A LUN that a user has had detached: it gets no disk before somebody asks for it.
struct detached_lun {
    std::uint32_t sid = 0;
    std::uint64_t lun_number = 0;

    friend bool operator==(const detached_lun&, const detached_lun&) = default;
};

enum class registry_errc {
    write_failed = 1,
    read_failed,
    too_large, // > longest_state bytes
    malformed, // not one JSON object
    unknown_version,
    missing_member,
    wrong_type,
    out_of_range,
    bad_text,   // length or characters
    misplaced,  // members that contradict each other or the name of the file
    other_unit, // same_unit(): the LUN is not the one that was recorded
};

const char* category_name(registry_errc);
std::string_view message_of(registry_errc);

// The disks that outlive the daemon: one JSON file each, in a folder of its own. Calls wait for the
// file system. Different disks may be saved and forgotten at the same time.
// Written before a disk appears, forgotten after it is gone: a state without a disk is cleaned up,
// a disk without a state would be lost.
class registry {
  public:
    static constexpr std::size_t longest_state = 65536;

    // Made with mode 0700 by the first save(); the folder above must be there. `boot_id`: of
    // read_boot_id(), written into each file; "": not known.
    explicit registry(std::filesystem::path folder, std::string boot_id = {});

    // When it returns well the state is there, whole and synced; else the earlier one still is, or
    // the new one unsynced. Faults: write_failed; for a state that load() would refuse, what that
    // would say.
    iscsi::result<void> save(const disk_state& disk) const;

    // Gone, or never there: fine.
    void forget(std::uint32_t sid, std::uint64_t lun_number) const;

    // The same for LUNs that are to stay without a disk: an empty file each.
    iscsi::result<void> save(const detached_lun& lun) const;
    void forget(const detached_lun& lun) const;

    struct loaded {
        std::vector<disk_state> disks; // by session and LUN
        std::vector<detached_lun> detached;
        std::vector<iscsi::fault> bad;    // one for each file that is no state, by name
        std::size_t of_earlier_boots = 0; // disks that ended with the kernel that had them
    };

    // What stands in the folder; nothing if it is missing. Also removes what an interrupted save()
    // or an earlier boot left, and detached LUNs that have a disk, or whose session has none and so
    // has ended with its daemon: so it is for the start, before any save().
    loaded load() const;

  private:
    void drop_pointless(loaded& all) const;
    void drop(const disk_state& disk, loaded& all) const;
    bool is_of_earlier_boot(const disk_state& disk) const;

    std::filesystem::path folder_;
    std::string boot_id_;
};

// Whether the LUN that a scan finds now is the recorded one: the same WWID if both have one, else
// the same serial number if both have one, and the same vendor and product; the same block size;
// not fewer blocks. A name that it does not tell any more says nothing, one that is new is of
// another unit. Fault: other_unit with the first difference.
iscsi::result<void> same_unit(const scsi::logical_unit& recorded, const scsi::logical_unit& now);

} // namespace iscsid::device
