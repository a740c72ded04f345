"""First and last names of the demo's people, by culture, so that "Ingrid" is never "Ingrid Venkataraman".

Many have letters beyond ASCII on purpose: names, logins and addresses go through files, database, search and sorting.
"""

NAMES: dict[str, tuple[str, str]] = {
    "Brazil and Portugal": (
        "Ana Luísa, André, Antônio, Beatriz, Caio, Camila, Catarina, Débora, Flávia, Gonçalo, Inês, Isabela, João "
        "Pedro, José Carlos, Larissa, Letícia, Luís Felipe, Maria Clara, Mateus, Natália, Rafael, Thiago, "
        "Vinícius",
        "Albuquerque, Araújo, Assunção, Azevedo, Barbosa, Brandão, Conceição, Falcão, Figueiredo, Gonçalves, "
        "Guimarães, Leitão, Magalhães, Monteiro, Nóbrega, Pacheco, Quintão, Rezende, Simões, Teixeira, Valadão, "
        "Vasconcelos",
    ),
    "Spain and Latin America": (
        "Agustín, Alejandra, Álvaro, Begoña, Carmen, Esteban, Íñigo, Iker, Joaquín, Lucía, Martín, Matías, Nuria, "
        "Paloma, Ramón, Rocío, Sebastián, Sofía, Tomás, Ximena",
        "Aguirre, Benítez, Cárdenas, Domínguez, Etxeberria, Fuentes, Garrido, Ibáñez, Jiménez, Marín, Muñoz, "
        "Núñez, Ordóñez, Peña, Quiroga, Ruiz Sepúlveda, Sáenz, Urrutia, Villanueva, Zúñiga",
    ),
    "Nordic": (
        "Aino, Anders, Asbjørn, Astrid, Bjørn, Eero, Elín, Emil, Freja, Guðrún, Håkon, Ingrid, Jóhann, Kåre, "
        "Liisa, Maja, Mikkel, Päivi, Signe, Søren, Tuomas, Ylva, Åsa",
        "Ahlström, Bäckström, Dahl, Ekström, Fjeldstad, Grønlund, Hämäläinen, Kjær, Korhonen, Lindqvist, Mäkinen, "
        "Nygård, Ødegård, Østergaard, Rasmussen, Sørensen, Strand, Thorvaldsen, Virtanen, Wåhlin",
    ),
    "India": (
        "Aarav, Aditi, Ananya, Arjun, Deepika, Devansh, Gayatri, Harsh, Ishaan, Kavya, Lakshmi, Manish, Meera, "
        "Nikhil, Pooja, Priyanka, Rajesh, Rohan, Sanjana, Shreya, Siddharth, Varun, Vidya, Yash",
        "Agarwal, Banerjee, Bhattacharya, Chakraborty, Deshpande, Gupta, Iyer, Joshi, Kulkarni, Mehta, Mukherjee, "
        "Nair, Padmanabhan, Patel, Raghunathan, Rao, Reddy, Saxena, Sharma, Subramanian, Venkataraman, Verma",
    ),
    "Nigeria and Ghana": (
        "Abena, Adaobi, Amaka, Ayọ̀, Chidinma, Chukwuemeka, Ebele, Efua, Emeka, Folake, Ifeoma, Ikenna, Kofi, "
        "Kwame, Ngozi, Nkechi, Obinna, Olúwaṣeun, Sade, Tunde, Uche, Yewande",
        "Abiola, Achebe, Adeyemi, Afọlábí, Agyeman, Asante, Balogun, Boateng, Eze, Ibekwe, Mensah, Nnamdi, "
        "Nwachukwu, Obi, Ogunleye, Okafor, Okonkwo, Okoro, Olawale, Osei, Owusu, Uzoma",
    ),
    "Southern and eastern Africa": (
        "Amahle, Anele, Bongani, Chipo, Kamau, Lerato, Lwazi, Makena, Nandi, Njeri, Nomvula, Sipho, Tendai, "
        "Thabo, Thandiwe, Wanjiru, Zanele, Zuri",
        "Chikwanha, Dlamini, Gumede, Kariuki, Kimani, Mabuza, Mahlangu, Mokoena, Mthembu, Mwangi, Ncube, Ndlovu, "
        "Njoroge, Nkosi, Ochieng, Odhiambo, Otieno, Sithole, Zulu",
    ),
    "Poland and Czechia": (
        "Agnieszka, Błażej, Božena, Dorota, Grażyna, Jiří, Kateřina, Krzysztof, Łukasz, Małgorzata, Michał, "
        "Ondřej, Paweł, Radosław, Řehoř, Stanisław, Tomáš, Urszula, Wojciech, Zdeněk, Żaneta",
        "Błaszczyk, Čermák, Dąbrowska, Dvořák, Grabowski, Jabłoński, Kołodziej, Kowalczyk, Krejčí, Łuczak, Málek, "
        "Nováček, Piątek, Růžička, Sikorska, Świątek, Šťastný, Wójcik, Wrzesień, Zieliński, Żak",
    ),
    "Turkey": (
        "Aslı, Ayşe, Barış, Büşra, Cansu, Çağlar, Deniz, Elif, Emre, Gökçe, Gülşah, İbrahim, İpek, Kaan, Mehmet, "
        "Özge, Pınar, Serkan, Şebnem, Tuğba, Ümit, Yiğit",
        "Açıkgöz, Aydın, Bozkurt, Çelik, Çetinkaya, Demir, Doğan, Erdoğdu, Güneş, İnan, Karadağ, Kılıç, Korkmaz, "
        "Özdemir, Öztürk, Polat, Şahin, Taşkın, Uçar, Yıldırım, Yılmaz",
    ),
    "Japan and Korea": (
        "Akira, Aoi, Daichi, Emi, Haruka, Hiroshi, Jiwoo, Kaito, Kenji, Makoto, Mei, Minseo, Naoko, Ren, Riku, "
        "Sakura, Seojun, Shinji, Takumi, Yuki, Yūko",
        "Abe, Choi, Fujimoto, Hayashi, Inoue, Ishikawa, Kang, Kimura, Kobayashi, Matsumoto, Mōri, Nakamura, "
        "Ogawa, Ōta, Park, Saitō, Shimizu, Suzuki, Tanaka, Watanabe, Yamamoto, Yoon",
    ),
    "China and Southeast Asia": (
        "Bảo, Chen, Dewi, Đức, Fang, Hương, Jia Hui, Jun, Kai Xin, Lan, Linh, Mei Ling, Minh, Ngọc, Putu, Rahayu, "
        "Siti, Thanh, Wei, Xiu, Yan",
        "Chua, Đặng, Gunawan, Huang, Huỳnh, Lai, Lim, Lin, Liu, Ng, Nguyễn, Ong, Phạm, Santoso, Tan, Trần, Vũ, "
        "Wang, Wijaya, Yeo, Zhang, Zhou",
    ),
    "Arabic and Persian": (
        "Amal, Amira, Bassam, Dina, Farah, Hadi, Hanan, Ibrahim, Karim, Laila, Leyla, Mariam, Nadia, Omar, "
        "Parisa, Rania, Reza, Samir, Shirin, Tarek, Yasmin, Zeynab",
        "Al-Farsi, Al-Khatib, Al-Masri, Amiri, Ansari, Aziz, Benali, Bouzid, Darwish, El Amrani, Esfahani, "
        "Ghanem, Haddad, Hosseini, Khoury, Mansour, Najjar, Rahimi, Saleh, Tehrani, Zaki",
    ),
    "Germany, Austria, Switzerland": (
        "Anneliese, Bärbel, Beat, Dörte, Felix, Franziska, Günther, Hannelore, Jörg, Jürgen, Käthe, Lukas, "
        "Lieselotte, Matthias, Ruedi, Steffen, Sybille, Ueli, Ursula, Wiebke",
        "Bächli, Brüggemann, Dürr, Friedrich, Gößling, Größer, Häberli, Jäger, Krüger, Lüthi, Müller, "
        "Niederhäuser, Preuß, Rößler, Schäfer, Schröder, Steinmüller, Strauß, von Hohenberg, Weiß, Zürcher",
    ),
    "France, Belgium, Quebec": (
        "Aurélie, Benoît, Cécile, Chloé, Éloïse, Étienne, Françoise, Gaëlle, Geneviève, Hélène, Jérôme, Joël, "
        "Loïc, Maëlle, Mélanie, Noémie, Océane, Rémi, Sébastien, Zoé",
        "Beaulieu, Bélanger, Chevalier, Côté, D'Aoust, Delcroix, Desrosiers, Dubé, Fournier, Gagné, Lefèvre, "
        "L'Écuyer, Léger, Maréchal, Moreau, Noël, Pelletier, Prévost, Rousseau, Théberge, Vandenbroucke",
    ),
    "Ireland, Britain, North America": (
        "Aisling, Alistair, Bronwen, Callum, Ciarán, Dylan, Eilidh, Eoin, Fiona, Gareth, Harriet, Imogen, Keisha, "
        "Malik, Niamh, Oisín, Róisín, Rhys, Siobhán, Tyrone, Winona",
        "Ashworth, Begay, Byrne, Cavanagh, Davies, Fitzgerald, Gallagher, Hargreaves, Jenkins, MacLeod, "
        "McAllister, Ní Dhomhnaill, O'Sullivan, Pemberton, Pritchard, Robinson, Sinclair, Tsosie, Washington, "
        "Whitfield",
    ),
    "Greece, Balkans, Ukraine": (
        "Anastasia, Bohdan, Dragana, Đorđe, Eleni, Giorgos, Iryna, Jelena, Katerina, Luka, Marko, Milica, "
        "Nikolaos, Oksana, Petro, Sanja, Taras, Vasiliki, Yannis, Željko",
        "Babić, Bondarenko, Đorđević, Georgiou, Horvat, Ilić, Jovanović, Kovačević, Kravchenko, Lysenko, "
        "Marković, Nikolaidis, Papadopoulos, Petrović, Shevchenko, Šimić, Stavrou, Tkachenko, Vuković, Živković",
    ),
}
