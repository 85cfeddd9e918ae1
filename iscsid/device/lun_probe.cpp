#include "iscsid/device/lun_probe.hpp"

#include "libiscsi/scsi/capacity.hpp"
#include "libiscsi/scsi/inquiry.hpp"
#include "libiscsi/scsi/mode.hpp"

#include <array>
#include <bit>
#include <initializer_list>

namespace iscsid::device {

namespace {

using boost::asio::awaitable;
using iscsi::bytes_view;
using iscsi::result;

// Why a LUN is skipped; empty: go on. A step that gives a fault has lost the session.
using reason = std::string;
using step =
    awaitable<result<reason>> (*)(const command_runner&, iscsi::lun_field, scsi::logical_unit&);

const reason usable;

// ---- who it is ----------------------------------------------------------------------------------

reason why_no_disk(const scsi::standard_inquiry& inquiry) {
    if (inquiry.peripheral_qualifier != 0)
        return "no logical unit there (peripheral qualifier " +
               std::to_string(inquiry.peripheral_qualifier) + ")";
    if (inquiry.peripheral_device_type != scsi::direct_access_device)
        return reason(scsi::name_of_device_type(inquiry.peripheral_device_type));
    return usable;
}

void take(const scsi::standard_inquiry& inquiry, scsi::logical_unit& disk) {
    disk.vendor = inquiry.vendor;
    disk.product = inquiry.product;
    disk.revision = inquiry.revision;
    disk.removable = inquiry.removable;
}

awaitable<result<reason>>
inquire(const command_runner& runner, iscsi::lun_field lun, scsi::logical_unit& disk) {
    constexpr std::uint16_t room = 36; // all that standard INQUIRY data must have, SPC-4 §6.6.2
    const auto asked = co_await runner.run(lun, scsi::inquiry(room), room);
    if (!asked)
        co_return asked.error();
    if (!asked->good)
        co_return asked->why;
    const auto inquiry = scsi::read_standard_inquiry(asked->data);
    if (!inquiry)
        co_return inquiry.error().text();
    take(*inquiry, disk);
    co_return why_no_disk(*inquiry);
}

// ---- is it ready --------------------------------------------------------------------------------

// Pending unit attentions end here; the runner swallows them.
awaitable<result<reason>> wait_until_ready(
    const command_runner& runner, iscsi::lun_field lun, scsi::logical_unit& /*disk*/
) {
    const auto asked = co_await runner.run(lun, scsi::test_unit_ready(), 0);
    if (!asked)
        co_return asked.error();
    co_return asked->good ? usable : asked->why;
}

// ---- vital product data -------------------------------------------------------------------------

void take_serial(bytes_view data, scsi::logical_unit& disk) {
    if (const auto serial = scsi::read_unit_serial_number(data))
        disk.serial = *serial;
}

void take_wwid(bytes_view data, scsi::logical_unit& disk) {
    if (const auto wwid = scsi::read_wwid(data))
        disk.wwid = *wwid;
}

void take_limits(bytes_view data, scsi::logical_unit& disk) {
    const auto limits = scsi::read_block_limits(data);
    if (!limits)
        return;
    disk.max_transfer_blocks = limits->max_transfer_blocks;
    disk.optimal_transfer_blocks = limits->optimal_transfer_blocks;
    disk.max_unmap_blocks = limits->max_unmap_blocks;
    disk.max_unmap_descriptors = limits->max_unmap_descriptors;
    disk.unmap_granularity = limits->unmap_granularity;
    disk.unmap_alignment = limits->unmap_alignment;
    disk.max_write_same_blocks = limits->max_write_same_blocks;
    disk.write_same_non_zero = limits->write_same_non_zero;
}

void take_rotation(bytes_view data, scsi::logical_unit& disk) {
    if (const auto rotational = scsi::read_rotational(data))
        disk.rotational = *rotational;
}

void take_provisioning(bytes_view data, scsi::logical_unit& disk) {
    const auto provisioning = scsi::read_provisioning(data);
    if (!provisioning)
        return;
    disk.can_unmap = provisioning->can_unmap;
    disk.can_write_same_16_unmap = provisioning->can_write_same_16_unmap;
    disk.can_write_same_10_unmap = provisioning->can_write_same_10_unmap;
}

struct wanted_page {
    scsi::vpd_page page;
    void (*take)(bytes_view, scsi::logical_unit&);
};

constexpr std::array wanted_pages = {
    wanted_page{scsi::vpd_page::unit_serial_number, take_serial},
    wanted_page{scsi::vpd_page::device_identification, take_wwid},
    wanted_page{scsi::vpd_page::block_limits, take_limits},
    wanted_page{scsi::vpd_page::block_device_characteristics, take_rotation},
    wanted_page{scsi::vpd_page::logical_block_provisioning, take_provisioning},
};

awaitable<result<reply>>
ask_page(const command_runner& runner, iscsi::lun_field lun, scsi::vpd_page page) {
    constexpr std::uint16_t room = 1024;
    return runner.run(lun, scsi::inquiry_vpd(page, room), room);
}

// Without VPD 00 no page is asked for: old targets answer unknown pages with anything.
scsi::supported_pages pages_in(const reply& from) {
    const auto pages = scsi::read_supported_pages(from.data);
    return from.good && pages ? *pages : scsi::supported_pages{};
}

// Every page is optional: what is not said keeps its careful default. But a unit that is only busy
// must not look like one without identity.
awaitable<result<reason>>
read_vpd(const command_runner& runner, iscsi::lun_field lun, scsi::logical_unit& disk) {
    const auto listed = co_await ask_page(runner, lun, scsi::vpd_page::supported_pages);
    if (!listed)
        co_return listed.error();
    if (listed->is_transient)
        co_return listed->why;
    const auto pages = pages_in(*listed);
    for (const auto& wanted : wanted_pages) {
        if (!pages.has(wanted.page))
            continue;
        const auto asked = co_await ask_page(runner, lun, wanted.page);
        if (!asked)
            co_return asked.error();
        if (asked->is_transient)
            co_return asked->why;
        if (asked->good)
            wanted.take(asked->data, disk);
    }
    co_return usable;
}

// ---- how large it is ----------------------------------------------------------------------------

constexpr bool is_usable_block_size(std::uint32_t size) {
    return size >= 512 && size <= 4096 && std::has_single_bit(size);
}

reason why_unusable(const scsi::capacity& size) {
    if (size.needs_16)
        return "larger than READ CAPACITY(10) can say, and READ CAPACITY(16) is refused";
    if (!is_usable_block_size(size.block_size))
        return "block size " + std::to_string(size.block_size) + " is not 512, 1024, 2048 or 4096";
    if (size.protection_enabled)
        return "formatted with protection information";
    if (size.block_count == 0)
        return "no capacity";
    return usable;
}

reason take(const result<scsi::capacity>& size, scsi::logical_unit& disk) {
    if (!size)
        return size.error().text();
    disk.block_count = size->block_count;
    disk.block_size = size->block_size;
    disk.physical_block_size = size->physical_block_size;
    disk.lowest_aligned_block = size->lowest_aligned_block;
    disk.thin = size->thin;
    disk.reads_zero_after_unmap = size->reads_zero_after_unmap;
    return why_unusable(*size);
}

awaitable<result<reason>>
read_small_capacity(const command_runner& runner, iscsi::lun_field lun, scsi::logical_unit& disk) {
    constexpr std::size_t room = 8;
    const auto asked = co_await runner.run(lun, scsi::read_capacity_10(), room);
    if (!asked)
        co_return asked.error();
    if (!asked->good)
        co_return asked->why;
    co_return take(scsi::read_capacity_10_data(asked->data), disk);
}

awaitable<result<reason>>
read_capacity(const command_runner& runner, iscsi::lun_field lun, scsi::logical_unit& disk) {
    constexpr std::uint32_t room = 32;
    const auto asked = co_await runner.run(lun, scsi::read_capacity_16(room), room);
    if (!asked)
        co_return asked.error();
    const auto size = scsi::read_capacity_16_data(asked->data);
    if (asked->good && size)
        co_return take(size, disk);
    co_return co_await read_small_capacity(runner, lun, disk);
}

// ---- how it writes ------------------------------------------------------------------------------

struct mode_question {
    scsi::cdb_field cdb;
    std::size_t room;
    result<scsi::mode_parameters> (*read)(bytes_view);
};

// Until one brings the caching page. Targets without that page may refuse it, but then still tell
// of write protection with all pages.
std::array<mode_question, 3> mode_questions() {
    constexpr std::uint8_t short_room = 192;
    constexpr std::uint16_t long_room = 512;
    return {
        mode_question{
            scsi::mode_sense_6(scsi::mode_page::caching, short_room),
            short_room,
            scsi::read_mode_6_data},
        mode_question{
            scsi::mode_sense_10(scsi::mode_page::caching, long_room),
            long_room,
            scsi::read_mode_10_data},
        mode_question{
            scsi::mode_sense_10(scsi::mode_page::all, long_room),
            long_room,
            scsi::read_mode_10_data}};
}

void take(const scsi::mode_parameters& mode, scsi::logical_unit& disk) {
    disk.read_only = mode.write_protected;
    disk.dpofua = mode.dpofua;
    disk.write_cache_enabled = mode.write_cache_enabled.value_or(true);
}

awaitable<result<reason>>
sense_mode(const command_runner& runner, iscsi::lun_field lun, scsi::logical_unit& disk) {
    disk.write_cache_enabled = true; // a flush too many is safe, one too few is not
    for (const auto& question : mode_questions()) {
        const auto asked = co_await runner.run(lun, question.cdb, question.room);
        if (!asked)
            co_return asked.error();
        const auto mode = question.read(asked->data);
        if (!asked->good || !mode)
            continue;
        take(*mode, disk);
        if (mode->write_cache_enabled)
            break;
    }
    co_return usable;
}

constexpr std::array<step, 5> steps = {
    inquire, wait_until_ready, read_vpd, read_capacity, sense_mode};

} // namespace

awaitable<result<probed_lun>> probe_lun(const command_runner& runner, iscsi::lun_field lun) {
    probed_lun probed;
    for (const step next : steps) {
        const auto done = co_await next(runner, lun, probed.properties);
        if (!done)
            co_return done.error();
        probed.why_not = *done;
        if (!probed.why_not.empty())
            break;
    }
    co_return probed;
}

} // namespace iscsid::device
