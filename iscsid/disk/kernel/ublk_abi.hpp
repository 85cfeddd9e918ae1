#pragma once

#include <linux/ioctl.h>

#include <cstdint>

// What linux/ublk_cmd.h of recent kernels says. Debian 12's is older than the driver it must serve.
namespace iscsid::disk::ublk {

// struct ublksrv_ctrl_cmd: in the SQE of a control command.
struct control_command {
    std::uint32_t device = 0;
    std::uint16_t queue = 0;
    std::uint16_t length = 0; // of what `address` points to
    std::uint64_t address = 0;
    std::uint64_t data = 0;
    std::uint16_t path_length = 0;
    std::uint16_t pad = 0;
    std::uint32_t reserved = 0;
};

static_assert(sizeof(control_command) == 32);

// struct ublksrv_ctrl_dev_info
struct device_info {
    std::uint16_t queues = 0;
    std::uint16_t queue_depth = 0; // tags of each
    std::uint16_t state = 0;       // device_state
    std::uint16_t pad0 = 0;
    std::uint32_t largest_io = 0; // bytes
    std::uint32_t device = 0;
    std::int32_t server_pid = 0; // who said START_DEV or END_USER_RECOVERY, by his own words
    std::uint32_t pad1 = 0;
    std::uint64_t flags = 0;
    std::uint64_t server_flags = 0; // the kernel only keeps it
    std::uint32_t owner_uid = 0;
    std::uint32_t owner_gid = 0;
    std::uint64_t reserved1 = 0;
    std::uint64_t reserved2 = 0;
};

static_assert(sizeof(device_info) == 64);

enum device_state : std::uint16_t {
    state_dead = 0,     // not started, or stopped
    state_live = 1,     // there is a disk
    state_quiesced = 2, // its server is gone; requests wait for user recovery
    state_fail_io = 3   // its server is gone; requests fail until then
};

inline constexpr std::uint32_t any_device = 0xffff'ffff;
inline constexpr std::uint16_t all_queues = 0xffff;

// UBLK_F_…
// Requests come by task work of the ring. The kernel says so of a device: always since 6.5, before
// that unless the driver is built into it.
inline constexpr std::uint64_t feature_comes_by_ring = 1U << 1U; // UBLK_F_URING_CMD_COMP_IN_TASK
inline constexpr std::uint64_t feature_user_recovery = 1U << 3U; // a new server may take over
inline constexpr std::uint64_t feature_recovery_reissue = 1U
                                                          << 4U; // what was under way comes again
inline constexpr std::uint64_t feature_ioctl_encode = 1U << 6U;  // 6.4: opcodes as of ioctl(2)
inline constexpr std::uint64_t feature_update_size = 1U << 10U;  // 6.16: a live disk may grow

// struct ublk_param_basic, _discard, _devt; together struct ublk_params of 6.1 and later.
struct parameters {
    std::uint32_t length = 0; // bytes of all this
    std::uint32_t types = 0;  // parameter_type, which parts hold

    std::uint32_t attributes = 0;
    std::uint8_t logical_block_shift = 9;
    std::uint8_t physical_block_shift = 9;
    std::uint8_t optimal_io_shift = 9;
    std::uint8_t minimum_io_shift = 9;
    std::uint32_t max_sectors = 0;
    std::uint32_t chunk_sectors = 0;
    std::uint64_t sectors = 0; // of the device, 512 bytes each
    std::uint64_t virt_boundary_mask = 0;

    std::uint32_t discard_alignment = 0;
    std::uint32_t discard_granularity = 0;
    std::uint32_t max_discard_sectors = 0;
    std::uint32_t max_write_zeroes_sectors = 0;
    std::uint16_t max_discard_segments = 0;
    std::uint16_t reserved0 = 0;

    std::uint32_t char_major = 0, char_minor = 0, disk_major = 0, disk_minor = 0;
};

static_assert(sizeof(parameters) == 80);

enum parameter_type : std::uint32_t { type_basic = 1U << 0U, type_discard = 1U << 1U };

enum attribute : std::uint32_t {
    attribute_read_only = 1U << 0U,
    attribute_rotational = 1U << 1U,
    attribute_volatile_cache = 1U << 2U,
    attribute_fua = 1U << 3U,
};

enum control : std::uint32_t {
    get_dev_info = 0x02,
    add_dev = 0x04,    // makes /dev/ublkcN
    del_dev = 0x05,    // waits until nobody has /dev/ublkcN open
    start_dev = 0x06,  // makes /dev/ublkbN, once all tags are fetched; scans for partitions
    stop_dev = 0x07,   // removes it; every tag ends with -ENODEV
    set_params = 0x08, // before START_DEV only
    start_user_recovery = 0x10, // -EBUSY while the old server has /dev/ublkcN
    end_user_recovery = 0x11,   // once all tags are fetched anew
    get_features = 0x13,        // 6.5
    update_size = 0x15,
};

// The opcode of 6.4 and later; before there was only the number.
constexpr std::uint32_t encoded(control what) {
    const bool only_reads = what == get_dev_info || what == get_features;
    return only_reads ? _IOR('u', std::uint32_t{what}, control_command)
                      : _IOWR('u', std::uint32_t{what}, control_command);
}

// struct ublksrv_io_desc: a request of the kernel, in memory that it shares.
struct io_descriptor {
    std::uint32_t op_and_flags;
    std::uint32_t sectors; // 512 bytes each, whatever the block size
    std::uint64_t start_sector;
    std::uint64_t address;
};

static_assert(sizeof(io_descriptor) == 24);

inline constexpr std::uint32_t op_mask = 0xff;
inline constexpr std::uint32_t op_read = 0;
inline constexpr std::uint32_t op_write = 1;
inline constexpr std::uint32_t op_flush = 2;
inline constexpr std::uint32_t op_discard = 3;
inline constexpr std::uint32_t op_write_same = 4;
inline constexpr std::uint32_t op_write_zeroes = 5;
inline constexpr std::uint32_t io_flag_fua = 1U << 13U;
inline constexpr std::uint32_t io_flag_no_unmap = 1U << 15U;

// The descriptors of queue 0 are at the beginning of the file, those of each other queue behind the
// most that the one before it may have, from a page on.
inline constexpr std::uint32_t most_tags = 4096;
inline constexpr std::uint64_t most_descriptors = most_tags * sizeof(io_descriptor); // bytes

// struct ublksrv_io_cmd: in the SQE of a command for one tag.
struct io_command {
    std::uint16_t queue = 0;
    std::uint16_t tag = 0;
    std::int32_t result = 0;   // of a commit: bytes that have moved, or -errno
    std::uint64_t address = 0; // of the tag's buffer in this process
};

static_assert(sizeof(io_command) == 16);

// A fetch waits for the first request of a tag; a commit ends one and waits for the next.
enum io : std::uint32_t { fetch = 0x20, commit_and_fetch = 0x21 };

constexpr std::uint32_t encoded(io what) {
    return _IOWR('u', std::uint32_t{what}, io_command);
}

} // namespace iscsid::disk::ublk
