#include "tests/support/memory_disk.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace iscsi::test {
namespace {

enum operation_code : std::uint8_t {
    test_unit_ready = 0x00,
    request_sense = 0x03,
    inquiry_code = 0x12,
    mode_sense_6 = 0x1a,
    start_stop_unit = 0x1b,
    read_capacity_10_code = 0x25,
    read_10 = 0x28,
    write_10 = 0x2a,
    synchronize_cache_10 = 0x35,
    write_same_10 = 0x41,
    unmap_code = 0x42,
    mode_sense_10 = 0x5a,
    read_16 = 0x88,
    write_16 = 0x8a,
    synchronize_cache_16 = 0x91,
    write_same_16 = 0x93,
    service_action_in_16 = 0x9e,
};

constexpr std::uint8_t illegal_request = 0x05;
constexpr std::uint8_t data_protect = 0x07;
constexpr std::uint32_t most_unmap_descriptors = 16;
constexpr std::uint32_t most_unmap_blocks = 0xffff;
constexpr std::uint32_t most_write_same_blocks = 0xffff;

std::uint8_t at(const cdb_bytes& cdb, std::size_t index) {
    return std::to_integer<std::uint8_t>(cdb[index]);
}

scsi_answer invalid_field() {
    return scsi_answer::check_condition(illegal_request, 0x24, 0x00);
}

scsi_answer out_of_range() {
    return scsi_answer::check_condition(illegal_request, 0x21, 0x00);
}

bool is_block_io(std::uint8_t code) {
    return code == read_10 || code == read_16 || code == write_10 || code == write_16;
}

void put_text(
    std::vector<std::byte>& to, std::size_t where, std::size_t width, std::string_view text
) {
    for (std::size_t i = 0; i < width; ++i)
        to[where + i] = static_cast<std::byte>(i < text.size() ? text[i] : ' ');
}

scsi_answer cut_to(scsi_answer answer, std::size_t allocation_length) {
    if (answer.data.size() > allocation_length)
        answer.data.resize(allocation_length);
    return answer;
}

} // namespace

scsi_answer scsi_answer::check_condition(std::uint8_t key, std::uint8_t asc, std::uint8_t ascq) {
    std::vector<std::byte> sense(18); // fixed format, SPC-4 §4.5.3
    sense[0] = std::byte{0x70};
    sense[2] = static_cast<std::byte>(key);
    sense[7] = std::byte{10};
    sense[12] = static_cast<std::byte>(asc);
    sense[13] = static_cast<std::byte>(ascq);
    return {0x02, std::move(sense), {}};
}

memory_disk::memory_disk(disk_options options)
    : options_(std::move(options)), content_(options_.size) {}

scsi_answer memory_disk::execute(const cdb_bytes& cdb, bytes_view data_out) {
    if (is_unsupported(at(cdb, 0)))
        return scsi_answer::check_condition(illegal_request, 0x20, 0x00);
    switch (at(cdb, 0)) {
    case test_unit_ready:
    case start_stop_unit:
        return scsi_answer::good();
    case request_sense:
        return cut_to(scsi_answer::good(scsi_answer::check_condition(0, 0, 0).sense), at(cdb, 4));
    case inquiry_code:
        return cut_to(
            inquiry(cdb), options_.one_byte_allocation ? at(cdb, 4) : load_be16(cdb.data() + 3)
        );
    case mode_sense_6:
        return cut_to(mode_sense(cdb, false), at(cdb, 4));
    case mode_sense_10:
        return cut_to(mode_sense(cdb, true), load_be16(cdb.data() + 7));
    case read_capacity_10_code:
        return read_capacity_10();
    case service_action_in_16:
        return cut_to(read_capacity_16(cdb), load_be32(cdb.data() + 10));
    default:
        return execute_in_service(cdb, data_out);
    }
}

bool memory_disk::is_unsupported(std::uint8_t code) const {
    const bool flush = code == synchronize_cache_10 || code == synchronize_cache_16;
    const auto& none = options_.unsupported;
    return (flush && !options_.takes_flushes) ||
           std::find(none.begin(), none.end(), code) != none.end();
}

scsi_answer memory_disk::execute_in_service(const cdb_bytes& cdb, bytes_view data_out) {
    const extent ten{load_be32(cdb.data() + 2), load_be16(cdb.data() + 7)};
    const extent sixteen{load_be64(cdb.data() + 2), load_be32(cdb.data() + 10)};
    const bool fua = (at(cdb, 1) & 0x08U) != 0;
    if (is_block_io(at(cdb, 0)) && (at(cdb, 1) & 0xe0U) != 0) // no protection information here
        return invalid_field();
    switch (at(cdb, 0)) {
    case read_10:
        return read(ten);
    case read_16:
        return read(sixteen);
    case write_10:
        return write(ten, data_out, fua);
    case write_16:
        return write(sixteen, data_out, fua);
    case synchronize_cache_10:
        return synchronize(ten);
    case synchronize_cache_16:
        return synchronize(sixteen);
    case write_same_10:
        return write_same(cdb, ten, data_out);
    case write_same_16:
        return write_same(cdb, sixteen, data_out);
    case unmap_code:
        return unmap(data_out);
    default:
        return scsi_answer::check_condition(illegal_request, 0x20, 0x00);
    }
}

scsi_answer memory_disk::inquiry(const cdb_bytes& cdb) const {
    if ((at(cdb, 1) & 1U) != 0)
        return vital_product_data(at(cdb, 2));
    if (at(cdb, 2) != 0)
        return invalid_field();
    std::vector<std::byte> data(36);
    data[0] = static_cast<std::byte>(options_.device_type);
    data[2] = std::byte{6};    // SPC-4
    data[3] = std::byte{0x02}; // response data format
    data[4] = std::byte{31};
    data[7] = std::byte{0x02}; // CMDQUE
    put_text(data, 8, 8, options_.vendor);
    put_text(data, 16, 16, options_.product);
    put_text(data, 32, 4, options_.revision);
    return scsi_answer::good(std::move(data));
}

scsi_answer memory_disk::vital_product_data(std::uint8_t page) const {
    const auto& pages = options_.vital_pages;
    if (std::find(pages.begin(), pages.end(), page) == pages.end())
        return invalid_field();
    std::vector<std::byte> data(4);
    data[1] = static_cast<std::byte>(page);
    switch (page) {
    case 0x00:
        for (const auto each : pages)
            data.push_back(static_cast<std::byte>(each));
        break;
    case 0x80:
        data.resize(4 + options_.serial.size());
        put_text(data, 4, options_.serial.size(), options_.serial);
        break;
    case 0x83: { // one T10 vendor ID designator
        const std::string text =
            options_.vendor + std::string(8 - options_.vendor.size(), ' ') + options_.serial;
        data.resize(8 + text.size());
        data[4] = options_.binary_designator ? std::byte{0x01} : std::byte{0x02}; // or ASCII
        data[5] = std::byte{0x01}; // of the logical unit, T10 vendor ID
        data[7] = static_cast<std::byte>(text.size());
        put_text(data, 8, text.size(), text);
        break;
    }
    case 0xb0: // block limits
        data.resize(64);
        store_be32(data.data() + 8, options_.longest_transfer);
        store_be32(data.data() + 20, options_.thin ? most_unmap_blocks : 0);
        store_be32(data.data() + 24, options_.thin ? most_unmap_descriptors : 0);
        store_be64(data.data() + 36, most_write_same_blocks);
        break;
    case 0xb1: // block device characteristics: not rotating
        data.resize(64);
        store_be16(data.data() + 4, 1);
        break;
    case 0xb2: // logical block provisioning: LBPU, LBPWS, LBPWS10, LBPRZ; thin
        data.resize(8);
        data[5] = options_.thin
                      ? std::byte{0xe0} | (options_.reads_zeroes ? std::byte{0x04} : std::byte{0})
                      : std::byte{0};
        data[6] = options_.thin ? std::byte{0x02} : std::byte{0};
        break;
    default:
        return invalid_field();
    }
    store_be16(data.data() + 2, static_cast<std::uint16_t>(data.size() - 4));
    return scsi_answer::good(std::move(data));
}

scsi_answer memory_disk::read_capacity_10() const {
    std::vector<std::byte> data(8);
    const auto last = std::min<std::uint64_t>(block_count() - 1, 0xffff'ffff);
    store_be32(data.data(), static_cast<std::uint32_t>(last));
    store_be32(data.data() + 4, options_.block_size);
    return scsi_answer::good(std::move(data));
}

scsi_answer memory_disk::read_capacity_16(const cdb_bytes& cdb) const {
    if ((at(cdb, 1) & 0x1fU) != 0x10)
        return invalid_field();
    std::vector<std::byte> data(32);
    store_be64(data.data(), block_count() - 1);
    store_be32(data.data() + 8, options_.block_size);
    if (options_.thin) // LBPME, LBPRZ
        data[14] = std::byte{0x80} | (options_.reads_zeroes ? std::byte{0x40} : std::byte{0});
    return scsi_answer::good(std::move(data));
}

// The caching page, alone or among all pages; no block descriptor.
scsi_answer memory_disk::mode_sense(const cdb_bytes& cdb, bool ten) const {
    constexpr std::uint8_t caching = 0x08;
    constexpr std::uint8_t all_pages = 0x3f;
    constexpr std::size_t page_length = 20;
    const unsigned page = at(cdb, 2) & 0x3fU;
    if (page != all_pages && (page != caching || !options_.has_caching_page))
        return invalid_field();
    const std::size_t header = ten ? 8 : 4;
    std::vector<std::byte> data(header + (options_.has_caching_page ? page_length : 0));
    if (options_.has_caching_page) {
        data[header] = std::byte{caching};
        data[header + 1] = std::byte{page_length - 2};
        data[header + 2] = options_.write_cache ? std::byte{0x04} : std::byte{0}; // WCE
    }
    data[ten ? 3 : 2] =
        std::byte{0x10} | (options_.read_only ? std::byte{0x80} : std::byte{0}); // DPOFUA, WP
    if (ten)
        store_be16(data.data(), static_cast<std::uint16_t>(data.size() - 2));
    else
        data[0] = static_cast<std::byte>(data.size() - 1);
    return scsi_answer::good(std::move(data));
}

scsi_answer memory_disk::read(const extent& blocks) const {
    if (!contains(blocks))
        return out_of_range();
    const auto begin =
        content_.begin() + static_cast<std::ptrdiff_t>(blocks.block * options_.block_size);
    const auto length = static_cast<std::ptrdiff_t>(blocks.count * options_.block_size);
    return scsi_answer::good({begin, begin + length});
}

scsi_answer memory_disk::write(const extent& blocks, bytes_view data, bool is_durable) {
    if (options_.read_only)
        return scsi_answer::check_condition(data_protect, 0x27, 0x00);
    if (!contains(blocks))
        return out_of_range();
    const std::size_t length = blocks.count * options_.block_size;
    if (data.size() < length)
        return scsi_answer::check_condition(0x0b, 0x0c, 0x0d); // not enough unsolicited data
    remember(blocks);
    std::copy_n(
        data.begin(),
        length,
        content_.begin() + static_cast<std::ptrdiff_t>(blocks.block * options_.block_size)
    );
    if (is_durable)
        settle(blocks);
    return scsi_answer::good();
}

scsi_answer memory_disk::write_same(const cdb_bytes& cdb, const extent& blocks, bytes_view data) {
    const bool no_data_out = at(cdb, 0) == write_same_16 && (at(cdb, 1) & 1U) != 0; // NDOB
    if (blocks.count == 0 || blocks.count > most_write_same_blocks)
        return invalid_field();
    if (options_.read_only)
        return scsi_answer::check_condition(data_protect, 0x27, 0x00);
    if (!contains(blocks))
        return out_of_range();
    if (!no_data_out && data.size() < options_.block_size)
        return scsi_answer::check_condition(0x0b, 0x0c, 0x0d);
    const std::vector<std::byte> zeroes(options_.block_size);
    const bytes_view pattern = no_data_out ? bytes_view(zeroes) : data.first(options_.block_size);
    for (std::uint64_t i = 0; i < blocks.count; ++i)
        write({blocks.block + i, 1}, pattern);
    return scsi_answer::good();
}

scsi_answer memory_disk::unmap(bytes_view data) {
    constexpr std::size_t header = 8;
    constexpr std::size_t descriptor = 16;
    if (!options_.thin)
        return scsi_answer::check_condition(illegal_request, 0x20, 0x00);
    if (data.size() < header || data.size() < header + load_be16(data.data() + 2))
        return scsi_answer::check_condition(illegal_request, 0x1a, 0x00);
    const std::size_t count = load_be16(data.data() + 2) / descriptor;
    if (count > most_unmap_descriptors)
        return scsi_answer::check_condition(illegal_request, 0x26, 0x00);
    for (std::size_t i = 0; i < count; ++i) {
        const auto* const from = data.data() + header + i * descriptor;
        const extent blocks{load_be64(from), load_be32(from + 8)};
        if (!contains(blocks))
            return out_of_range();
        erase(blocks);
    }
    return scsi_answer::good();
}

scsi_answer memory_disk::synchronize(const extent& blocks) {
    if (!contains(blocks))
        return out_of_range();
    ++flushes_;
    settle(blocks.count == 0 ? extent{blocks.block, block_count() - blocks.block} : blocks);
    return scsi_answer::good();
}

bool memory_disk::contains(const extent& blocks) const {
    return blocks.block <= block_count() && blocks.count <= block_count() - blocks.block;
}

void memory_disk::erase(const extent& blocks) {
    remember(blocks);
    const auto begin =
        content_.begin() + static_cast<std::ptrdiff_t>(blocks.block * options_.block_size);
    std::fill_n(begin, blocks.count * options_.block_size, std::byte{0});
}

void memory_disk::remember(const extent& blocks) {
    if (!options_.loses_cache)
        return;
    for (auto block = blocks.block; block < blocks.block + blocks.count; ++block)
        if (!on_medium_.contains(block))
            on_medium_.emplace(block, read({block, 1}).data);
}

void memory_disk::settle(const extent& blocks) {
    if (ignores_flushes_)
        return;
    const auto first = on_medium_.lower_bound(blocks.block);
    on_medium_.erase(first, on_medium_.lower_bound(blocks.block + blocks.count));
}

void memory_disk::resize(std::uint64_t bytes) {
    content_.resize(bytes);
    options_.size = bytes;
    on_medium_.erase(on_medium_.lower_bound(block_count()), on_medium_.end());
}

void memory_disk::cut_power(const std::function<bool()>& keeps) {
    for (const auto& [block, bytes] : on_medium_)
        if (!keeps())
            std::copy(
                bytes.begin(),
                bytes.end(),
                content_.begin() + static_cast<std::ptrdiff_t>(block * options_.block_size)
            );
    on_medium_.clear();
}

} // namespace iscsi::test
