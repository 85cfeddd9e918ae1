#include "libiscsi/scsi/lun.hpp"

#include "libiscsi/scsi/parameter_data.hpp"

#include <algorithm>

namespace scsi {

namespace {

constexpr std::size_t header_size = 8;

constexpr std::uint8_t low_bits(std::byte from, unsigned count) {
    return static_cast<std::uint8_t>(std::to_integer<unsigned>(from) & ((1U << count) - 1U));
}

// SAM-5 §4.7.7.5: length in bits 5–4 (1, 3, 5 or 7 bytes follow), method in bits 3–0.
// Only well-known units and extended flat addresses exist in practice; of others the method is all
// that is said.
lun_address decode_extended(const lun_field& lun) {
    constexpr unsigned well_known_unit = 1;
    constexpr unsigned extended_flat = 2;
    const unsigned length = low_bits(lun[0], 6) >> 4U;
    const unsigned method = low_bits(lun[0], 4);

    lun_address address{.method = addressing_method::extended};
    if (method == well_known_unit && length == 0) {
        address.well_known = true;
        address.unit = iscsi::load_be<1>(&lun[1]);
    }
    if (method == extended_flat && length == 1)
        address.unit = iscsi::load_be<3>(&lun[1]);
    if (method == extended_flat && length == 2)
        address.unit = iscsi::load_be<5>(&lun[1]);
    return address;
}

} // namespace

// The first level becomes the lowest 16 bits, so that small LUNs are small numbers.
std::uint64_t lun_number(const lun_field& lun) {
    std::uint64_t number = 0;
    for (std::size_t level = 4; level-- > 0;)
        number = number << 16U | iscsi::load_be16(&lun[2 * level]);
    return number;
}

lun_field lun_from_number(std::uint64_t number) {
    lun_field lun{};
    for (std::size_t level = 0; level < 4; ++level, number >>= 16U)
        iscsi::store_be16(&lun[2 * level], static_cast<std::uint16_t>(number & 0xffffU));
    return lun;
}

lun_address decode_lun(const lun_field& lun) {
    const auto method = static_cast<addressing_method>(std::to_integer<unsigned>(lun[0]) >> 6U);
    switch (method) {
    case addressing_method::peripheral: // §4.7.7.2: bus identifier, target or LUN
        return {.method = method, .bus = low_bits(lun[0], 6), .unit = low_bits(lun[1], 8)};
    case addressing_method::flat: // §4.7.7.3
        return {.method = method, .unit = iscsi::load_be16(lun.data()) & 0x3fffU};
    case addressing_method::logical_unit: // §4.7.7.4: target, bus number, LUN
        return {
            .method = method,
            .bus = static_cast<std::uint8_t>(std::to_integer<unsigned>(lun[1]) >> 5U),
            .target = low_bits(lun[0], 6),
            .unit = low_bits(lun[1], 5)};
    case addressing_method::extended:
        break;
    }
    return decode_extended(lun);
}

iscsi::result<lun_list> read_lun_list(iscsi::bytes_view data) {
    const parameter_data whole(data);
    if (!whole.holds(0, header_size))
        return parameter_fault(
            parameter_errc::too_short,
            "REPORT LUNS",
            std::to_string(data.size()) + " bytes",
            "at least 8 (SPC-4 §6.33)"
        );
    lun_list list{.luns = {}, .needed_length = header_size + std::uint64_t{whole.u32(0)}};
    const auto came = whole.cut_to(list.needed_length);
    for (std::size_t at = header_size; came.holds(at, sizeof(lun_field)); at += sizeof(lun_field)) {
        lun_field lun{};
        std::ranges::copy(came.slice(at, lun.size()), lun.begin());
        if (std::ranges::find(list.luns, lun) == list.luns.end())
            list.luns.push_back(lun);
    }
    return list;
}

} // namespace scsi
