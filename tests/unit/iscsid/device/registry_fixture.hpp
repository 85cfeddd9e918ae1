#pragma once

#include "iscsid/device/registry.hpp"

#include "libiscsi/scsi/lun.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace iscsid::device {

namespace fs = std::filesystem;

// As many names as the struct has members: a new one does not compile before it is here, too.
inline auto all_of(const scsi::logical_unit& unit) {
    const auto& [vendor, product, revision, serial, wwid, count, size, physical, lowest, read_only, cache, known, dpofua, rotational, removable, transfer, optimal, unmap, descriptors, granularity, alignment, same, non_zero, thin, zero, can, can_16, can_10] =
        unit;
    return std::tuple(
        std::tuple(vendor, product, revision, serial, wwid),
        std::tuple(count, size, physical, lowest),
        std::tuple(read_only, cache, known, dpofua, rotational, removable),
        std::tuple(transfer, optimal, unmap, descriptors, granularity, alignment, same),
        std::tuple(non_zero, thin, zero, can, can_16, can_10)
    );
}

inline auto all_of(const disk_state& disk) {
    const auto& [sid, index, target, address, port, tag, interface, peer, isid, driver, node, nonce, boot, ends, lun, number, unit] =
        disk;
    static_cast<void>(ends); // is never true of a state that is saved
    return std::tuple(
        std::tuple(sid, index, target, address, port, tag, interface, peer),
        std::tuple(isid, driver, node, nonce, boot, lun, number),
        all_of(unit)
    );
}

inline disk_state with_lun(disk_state disk, std::uint64_t number) {
    disk.lun_number = number;
    disk.lun = scsi::lun_from_number(number);
    return disk;
}

// No member that must be there has its default, and no two of a type are alike.
inline disk_state full_state() {
    disk_state disk;
    disk.sid = 7;
    disk.index = 3;
    disk.target = "iqn.2024-01.org.example:disk.1";
    disk.portal_address = "2001:db8::1";
    disk.peer_address = "fe80::1%eth0";
    disk.portal_port = 3261;
    disk.portal_group_tag = 17;
    disk.interface = "iface0";
    disk.isid = "80a1b2c3d4E5";
    disk.driver = "ublk";
    disk.node = "ublkb0";
    disk.nonce = 0xffffffff00000001ULL;
    auto& unit = disk.properties;
    unit = {
        .vendor = "MAKER",
        .product = "VIRTUAL \"DISK\"",
        .revision = "1.0",
        .serial = "S\\123",
        .wwid = "360014050000000000000000000000001"};
    unit.block_count = 0x1234567890ULL;
    unit.block_size = 4096;
    unit.physical_block_size = 16384;
    unit.lowest_aligned_block = 5;
    unit.read_only = unit.write_cache_enabled = unit.dpofua = true;
    unit.rotational = false;
    unit.removable = true;
    unit.max_transfer_blocks = 11;
    unit.optimal_transfer_blocks = 12;
    unit.max_unmap_blocks = 0xffffffff;
    unit.max_unmap_descriptors = 14;
    unit.unmap_granularity = 15;
    unit.unmap_alignment = 16;
    unit.max_write_same_blocks = 0xffffffffffffffffULL;
    unit.write_same_non_zero = unit.thin = unit.reads_zero_after_unmap = true;
    unit.can_unmap = unit.can_write_same_16_unmap = unit.can_write_same_10_unmap = true;
    return with_lun(disk, 16640);
}

struct registries : testing::Test {
    registries() {
        std::string fresh = testing::TempDir() + "registry.XXXXXX";
        runtime = ::mkdtemp(fresh.data());
        folder = runtime / "disks-state";
    }

    ~registries() override { fs::remove_all(runtime); }

    registry disks() const { return registry(folder); }

    void save(const disk_state& disk) const {
        const auto saved = disks().save(disk);
        ASSERT_TRUE(saved.has_value()) << saved.error().text();
    }

    std::vector<std::string> names() const {
        std::vector<std::string> all;
        for (const auto& entry : fs::directory_iterator(folder))
            all.push_back(entry.path().filename());
        std::ranges::sort(all);
        return all;
    }

    std::string text() const {
        std::ifstream from(folder / name, std::ios::binary);
        return {std::istreambuf_iterator<char>(from), {}};
    }

    void put(std::string_view content, std::string_view file = name) const {
        fs::create_directories(folder);
        std::ofstream(folder / file, std::ios::binary) << content;
    }

    // The text of full_state() with one part exchanged.
    void put_with(std::string_view part, std::string_view instead) const {
        save(full_state());
        auto content = text();
        const auto at = content.find(part);
        ASSERT_NE(at, std::string::npos) << part;
        put(content.replace(at, part.size(), instead));
    }

    // The one fault of a folder without any state.
    iscsi::fault only_fault() const {
        const auto all = disks().load();
        EXPECT_THAT(all.disks, ::testing::IsEmpty());
        EXPECT_THAT(all.bad, ::testing::SizeIs(1));
        return all.bad.empty() ? iscsi::fault{} : all.bad.front();
    }

    static constexpr const char* name = "7-lun-16640.json";
    fs::path runtime;
    fs::path folder;
};

} // namespace iscsid::device
