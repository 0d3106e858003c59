/** Names of what we refuse, so that a user knows what the file is. */

/** Link types (the registry of draft-ietf-opsawg-pcaplinktype) that are met in practice. */
const LINK_TYPES: ReadonlyMap<number, string> = new Map([
  [0, 'NULL'],
  [1, 'ETHERNET'],
  [6, 'IEEE802_5'],
  [7, 'ARCNET_BSD'],
  [8, 'SLIP'],
  [9, 'PPP'],
  [10, 'FDDI'],
  [50, 'PPP_HDLC'],
  [51, 'PPP_ETHER'],
  [100, 'ATM_RFC1483'],
  [101, 'RAW'],
  [104, 'C_HDLC'],
  [105, 'IEEE802_11'],
  [107, 'FRELAY'],
  [108, 'LOOP'],
  [113, 'LINUX_SLL'],
  [117, 'PFLOG'],
  [119, 'IEEE802_11_PRISM'],
  [122, 'IP_OVER_FC'],
  [123, 'SUNATM'],
  [127, 'IEEE802_11_RADIOTAP'],
  [129, 'ARCNET_LINUX'],
  [147, 'USER0'],
  [187, 'BLUETOOTH_HCI_H4'],
  [189, 'USB_LINUX'],
  [192, 'PPI'],
  [195, 'IEEE802_15_4_WITHFCS'],
  [220, 'USB_LINUX_MMAPPED'],
  [227, 'CAN_SOCKETCAN'],
  [228, 'IPV4'],
  [229, 'IPV6'],
  [239, 'NFLOG'],
  [242, 'IPOIB'],
  [249, 'USBPCAP'],
  [252, 'WIRESHARK_UPPER_PDU'],
  [253, 'NETLINK'],
  [276, 'LINUX_SLL2'],
  [281, 'DSA_TAG_BRCM'],
  [282, 'DSA_TAG_BRCM_PREPEND'],
  [284, 'DSA_TAG_DSA'],
  [285, 'DSA_TAG_EDSA'],
]);

/** First four bytes, as a little-endian number, of formats that are not read. */
const MAGICS: ReadonlyMap<number, string> = new Map([
  [0xa1b2cd34, 'modified pcap (Kuznetzov)'],
  [0x34cdb2a1, 'modified pcap (Kuznetzov), big endian'],
  [0xa1b234cd, 'modified pcap (Fmesquel)'],
  [0xcd34b2a1, 'modified pcap (Fmesquel), big endian'],
  [0xa12b3c4d, 'modified pcap (Navtel)'],
  [0x4d3c2ba1, 'modified pcap (Navtel), big endian'],
  [0xa1e2cb12, 'modified pcap (Nokia)'],
  [0x12cbe2a1, 'modified pcap (Nokia), big endian'],
  [0x1c0001ac, 'pcap of IxExplorer, hardware time'],
  [0xac01001c, 'pcap of IxExplorer, hardware time, big endian'],
  [0x1c0001ab, 'pcap of IxExplorer, software time'],
  [0xab01001c, 'pcap of IxExplorer, software time, big endian'],
  [0xa1b2c3cb, 'BPF instructions, not a capture'],
  [0x6f6f6e73, 'snoop'],
  [0xfd2fb528, 'compressed with zstd'],
  [0x184d2204, 'compressed with lz4'],
  [0x587a37fd, 'compressed with xz'],
]);

const GZIP_MAGIC = 0x8b1f;
const BZIP2_MAGIC = 0x5a42;

/** `101 (RAW)`, or the number alone. */
export function linkTypeName(linkType: number): string {
  const name = LINK_TYPES.get(linkType);
  return name === undefined ? String(linkType) : `${linkType} (${name})`;
}

/** What a file with these first four bytes is; undefined if we do not know. */
export function magicName(magic: number): string | undefined {
  const start = magic & 0xffff;
  if (start === GZIP_MAGIC) return 'compressed with gzip twice';
  if (start === BZIP2_MAGIC) return 'compressed with bzip2';
  return MAGICS.get(magic);
}
