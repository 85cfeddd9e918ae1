#pragma once

#include "tests/unit/iscsid/session/fakes.hpp"

#include "iscsid/device/scanner.hpp"
#include "iscsid/session/disks.hpp"

#include "libiscsi/scsi/lun.hpp"

#include <gtest/gtest.h>

#include <stdlib.h>

#include <algorithm>
#include <filesystem>

namespace iscsid::session {

inline constexpr lane::session_key some_sid = 4;

inline scsi::logical_unit unit_of(std::uint64_t lun, std::uint64_t blocks = 100) {
    scsi::logical_unit unit;
    unit.vendor = "MAKER";
    unit.wwid = "3600" + std::to_string(lun);
    unit.block_count = blocks;
    return unit;
}

// What is remembered of a LUN, whole enough for a registry.
inline device::disk_state state_of(std::uint64_t lun, const std::string& node = "fake0") {
    device::disk_state state;
    state.sid = some_sid;
    state.target = "iqn.2026-01.org.example:disk";
    state.portal_address = "10.0.0.5";
    state.portal_group_tag = 1;
    state.isid = "800102030405";
    state.driver = "fake";
    state.node = node;
    state.lun = scsi::lun_from_number(lun);
    state.lun_number = lun;
    state.properties = unit_of(lun);
    return state;
}

inline device::found_lun found(std::uint64_t lun, std::uint64_t blocks = 100) {
    return {scsi::lun_from_number(lun), lun, unit_of(lun, blocks)};
}

// Disks of a driver, and a registry that remembers them.
struct disk_world : testing::Test {
    disk_world() {
        driver.adopts = true;
        with.driver = &driver;
        with.registry = &registry;
    }

    ~disk_world() override { std::filesystem::remove_all(folder); }

    std::vector<attached_disk> attached(const std::vector<std::uint64_t>& luns) {
        std::vector<device::disk_state> wanted;
        for (const auto lun : luns)
            wanted.push_back(state_of(lun));
        auto report = attach_all(with, lane, std::move(wanted));
        EXPECT_TRUE(report.failures.empty());
        return std::move(report.disks);
    }

    // The LUNs that the registry knows.
    std::vector<std::uint64_t> remembered() const {
        std::vector<std::uint64_t> luns;
        for (const auto& each : registry.load().disks)
            luns.push_back(each.lun_number);
        return luns;
    }

    bool remembers(std::uint64_t lun, const std::string& node) const {
        const auto all = registry.load().disks;
        return std::ranges::any_of(all, [&](const auto& each) {
            return each.lun_number == lun && each.node == node;
        });
    }

    int bar_of(std::uint64_t lun) const {
        const auto found = lane.failing.find({some_sid, scsi::lun_from_number(lun)});
        return found == lane.failing.end() ? 0 : found->second;
    }

    static std::filesystem::path fresh_folder() {
        std::string name = testing::TempDir() + "disks.XXXXXX";
        return ::mkdtemp(name.data());
    }

    std::filesystem::path folder = fresh_folder();
    device::registry registry{folder / "disks-state"};
    fake_lane lane;
    fake_driver driver;
    disk_tools with;
};

inline std::vector<std::uint64_t> luns_of(const std::vector<attached_disk>& disks) {
    std::vector<std::uint64_t> luns;
    for (const auto& each : disks)
        luns.push_back(each.state.lun_number);
    return luns;
}

} // namespace iscsid::session
