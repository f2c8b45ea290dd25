espat_fuzz(packet_fuzz packet_fuzz.cpp LIBRARIES espat_net CORPUS ${CMAKE_CURRENT_SOURCE_DIR}/corpus/packet)
